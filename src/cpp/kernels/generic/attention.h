// Owns attention of one head in one text: scores, softmax and weighted values, block by block of keys.
//
// Softmax goes along with the blocks, as in Milakov and Gimelshein 2018 (arXiv:1805.02867): sums so far are scaled
// down when a later block has a larger score. Where the blocks lie depends on the text alone, so its neighbours and
// the number of threads change no bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/generic/attention_operands.h"
#include "kernels/generic/math.h"
#include "kernels/generic/product.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

// Of a token that is not seen: the lowest float, so that a block may have nothing else.
constexpr float hidden_score = -3.40282347e+38F;

// What a tile of queries works with.
template <class T>
struct TileMemory {
  using Dot = typename T::AttentionDot;
  static constexpr std::size_t rows = Dot::tile_rows;
  static constexpr std::size_t score_stride = keys_per_block + T::lanes;

  alignas(64) float scores[rows * score_stride];
  alignas(64) std::byte weights[rows * keys_per_block * Dot::row_value_bytes];
  float largest[rows];
  float sums[rows];
};

// The keys of a block that one query sees: [first, end), counted from the block's first.
struct Seen {
  std::size_t first;
  std::size_t end;
};

inline Seen seen_keys(std::int64_t reach, std::size_t query, std::size_t first, std::size_t count) {
  constexpr std::int64_t endless = std::int64_t{1} << 40;  // beyond any text, and sums with it fit
  if (reach < 0 || reach >= endless) return {0, count};
  const auto from = static_cast<std::int64_t>(query) - reach - static_cast<std::int64_t>(first);
  const auto to = static_cast<std::int64_t>(query) + reach + 1 - static_cast<std::int64_t>(first);
  const auto limit = static_cast<std::int64_t>(count);
  const std::int64_t start = from < 0 ? 0 : from > limit ? limit : from;
  const std::int64_t end = to < start ? start : to > limit ? limit : to;
  return {static_cast<std::size_t>(start), static_cast<std::size_t>(end)};
}

// Adds biases to one row of scores, and hides what is not seen, up to `padded` keys.
template <class T>
void adjust_scores(const HeadTask& task, std::size_t query, std::size_t first, std::size_t count, std::size_t padded,
                   float* scores) {
  const Seen seen = seen_keys(task.reach, query, first, count);
  if (task.relative_bias != nullptr) {
    const float* bias = task.relative_bias + static_cast<std::ptrdiff_t>(first) - static_cast<std::ptrdiff_t>(query);
    const typename T::Float factor = T::set(1 / task.scale);  // scores are scaled later
    for (std::size_t j = 0; j < padded; j += T::lanes) {
      const typename T::Float added =
          j + T::lanes <= count ? T::load(bias + j) : T::load_part(bias + j, count > j ? count - j : 0);
      T::store(scores + j, T::multiply_add(added, factor, T::load(scores + j)));
    }
  }
  const typename T::Float hidden = T::set(hidden_score);
  const auto hide = [&](std::size_t j) {
    T::store(scores + j, T::between(seen.first, seen.end, j, T::load(scores + j), hidden));
  };
  for (std::size_t j = 0; j < seen.first; j += T::lanes) hide(j);
  for (std::size_t j = seen.end / T::lanes * T::lanes; j < padded; j += T::lanes) hide(j);
}

template <class T>
float largest_score(const float* scores, std::size_t padded) {
  typename T::Float largest = T::set(hidden_score);
  for (std::size_t j = 0; j < padded; j += T::lanes) largest = T::max(largest, T::load(scores + j));
  return T::reduce_max(largest);
}

// Gives e^(scale * (score - largest)) of one row, rounded to what the product reads, and their sum.
template <class T>
float exponentiate(const float* scores, std::size_t padded, float scale, float largest, std::byte* weights) {
  using Dot = typename T::AttentionDot;
  const typename T::Float factor = T::set(1.44269504F * scale);
  const typename T::Float shift = T::set(largest);
  typename T::Float sum = T::zero();
  for (std::size_t j = 0; j < padded; j += T::lanes) {
    const typename T::Float value = exp2_of_negative<T>(T::multiply(T::subtract(T::load(scores + j), shift), factor));
    sum = T::add(sum, value);
    Dot::store_values(weights, j, value);
  }
  return T::reduce_add(sum);
}

template <class T>
class Attention {
  using Dot = typename T::AttentionDot;
  using Memory = TileMemory<T>;
  static constexpr Multipliers<Dot> multipliers{};

 public:
  static std::size_t scratch_bytes(std::size_t tokens, std::size_t head_width) {
    const HeadShape<T> shape(tokens, head_width);
    return sizeof(Memory) + shape.keys_bytes() + shape.values_bytes() + shape.rotated_bytes() +
           Memory::rows * shape.columns * sizeof(float);
  }

  explicit Attention(const HeadTask& task)
      : task_(task), shape_(task), memory_(*reinterpret_cast<Memory*>(task.scratch)) {
    keys_ = task.scratch + sizeof(Memory);
    values_ = keys_ + shape_.keys_bytes();
    std::byte* rows = values_ + shape_.values_bytes();
    block_output_ = reinterpret_cast<float*>(rows + shape_.rotated_bytes());
    const bool is_plain = task.cosines == nullptr && task.head_width % Dot::values_per_cell == 0;
    queries_ = is_plain ? task.query : rows;
    query_stride_ = is_plain ? task.stride : shape_.row_bytes;
    if (!is_plain) copy_rows<T>(task, shape_, task.key, rows);
    pack_keys<T>(shape_, is_plain ? task.key : rows, query_stride_, keys_);
    if (!is_plain) copy_rows<T>(task, shape_, task.query, rows);
    pack_values<T>(task, shape_, values_);
  }

  void run() {
    visit_tiles<Memory::rows>(task_.tokens, [&](std::size_t first, std::size_t count) { run_tile(first, count); });
  }

 private:
  void run_tile(std::size_t query, std::size_t count) {
    const std::size_t first = seen_keys(task_.reach, query, 0, task_.tokens).first / keys_per_block;
    const std::size_t end = seen_keys(task_.reach, query + count - 1, 0, task_.tokens).end;
    for (std::size_t row = 0; row < count; ++row) {
      memory_.largest[row] = hidden_score;
      memory_.sums[row] = 0;
    }
    for (std::size_t block = first; block * keys_per_block < end; ++block) {
      run_block(query, count, block, block == first);
    }
    const bool has_one = (first + 1) * keys_per_block >= end;  // whose output still lies where the product put it
    for (std::size_t row = 0; row < count; ++row) {
      float* out = task_.output + (query + row) * task_.output_stride;
      const float* from = has_one ? block_output_ + row * shape_.columns : out;
      // A token whose scores are all minus infinity has no mean.
      const bool has_mean = memory_.largest[row] > hidden_score;
      const float factor = has_mean ? 1 / memory_.sums[row] : std::numeric_limits<float>::quiet_NaN();
      for (std::size_t j = 0; j < task_.head_width; ++j) out[j] = from[j] * factor;
    }
  }

  void run_block(std::size_t query, std::size_t count, std::size_t block, bool is_first) {
    const std::size_t first = block * keys_per_block;
    const std::size_t keys = task_.tokens - first < keys_per_block ? task_.tokens - first : keys_per_block;
    const std::size_t padded = rounded_up(keys, T::lanes);
    score(query, count, block, padded);
    float corrections[Memory::rows];
    for (std::size_t row = 0; row < count; ++row) {
      float* scores = memory_.scores + row * Memory::score_stride;
      adjust_scores<T>(task_, query + row, first, keys, padded, scores);
      const float seen = largest_score<T>(scores, padded);
      const float largest = seen > memory_.largest[row] ? seen : memory_.largest[row];
      const float sum = exponentiate<T>(scores, padded, task_.scale, largest, weights(row));
      corrections[row] = is_first ? 0 : T::exp_of(task_.scale * (memory_.largest[row] - largest));
      memory_.sums[row] = is_first ? sum : memory_.sums[row] * corrections[row] + sum;
      memory_.largest[row] = largest;
    }
    weigh(count, block, keys);
    if (shape_.blocks > 1) add_block(query, count, is_first ? nullptr : corrections);
  }

  std::byte* weights(std::size_t row) { return memory_.weights + row * keys_per_block * Dot::row_value_bytes; }

  void score(std::size_t query, std::size_t count, std::size_t block, std::size_t padded) {
    constexpr std::size_t columns = Multipliers<Dot>::most_columns;
    for (std::size_t j = 0; j < padded; j += columns) {
      const std::size_t vectors = (padded - j < columns ? padded - j : columns) / T::lanes;
      multipliers(count, vectors)({queries_ + query * query_stride_, query_stride_,
                                   keys_ + block * shape_.block_bytes() + j * Dot::cell_bytes, shape_.key_stride,
                                   shape_.head_cells, memory_.scores + j, Memory::score_stride});
    }
  }

  // Weighted values of a block, into block_output_.
  void weigh(std::size_t count, std::size_t block, std::size_t keys) {
    constexpr std::size_t columns = Multipliers<Dot>::most_columns;
    const std::size_t cells = (keys + Dot::values_per_cell - 1) / Dot::values_per_cell;
    const std::byte* values = values_ + block * keys_per_block / Dot::values_per_cell * shape_.value_stride;
    for (std::size_t j = 0; j < shape_.columns; j += columns) {
      const std::size_t vectors = (shape_.columns - j < columns ? shape_.columns - j : columns) / T::lanes;
      multipliers(count,
                  vectors)({memory_.weights, keys_per_block * Dot::row_value_bytes, values + j * Dot::cell_bytes,
                            shape_.value_stride, cells, block_output_ + j, shape_.columns});
    }
  }

  // Adds them to the output, which is scaled down by the corrections before; null for the first block.
  void add_block(std::size_t query, std::size_t count, const float* corrections) {
    for (std::size_t row = 0; row < count; ++row) {
      const float* added = block_output_ + row * shape_.columns;
      float* out = task_.output + (query + row) * task_.output_stride;
      for (std::size_t j = 0; j < task_.head_width; ++j) {
        out[j] = corrections == nullptr ? added[j] : out[j] * corrections[row] + added[j];
      }
    }
  }

  const HeadTask& task_;
  HeadShape<T> shape_;
  Memory& memory_;
  std::byte* keys_;
  std::byte* values_;
  float* block_output_;
  const std::byte* queries_;
  std::size_t query_stride_;
};

template <class T>
void attend(const HeadTask& task) {
  if (task.tokens > 0) Attention<T>(task).run();
}

}  // namespace ortembed::kernels
