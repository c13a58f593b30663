// Owns attention of one head in one text: scores, softmax and weighted values, block by block of keys.
//
// Softmax goes along with the blocks, as in Milakov and Gimelshein 2018 (arXiv:1805.02867): sums so far are scaled
// down when a later block has a larger score. Where the blocks lie depends on the text alone, so its neighbours and
// the number of threads change no bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/generic/math.h"
#include "kernels/generic/product.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

constexpr std::size_t keys_per_block = 512;
constexpr float hidden_score = -1e30F;  // of a token that is not seen; finite, so that a block may have nothing else

constexpr std::size_t rounded_up(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

// The sizes of one head's operands, in bytes where not told otherwise.
template <class T>
struct HeadShape {
  using Dot = typename T::AttentionDot;

  explicit HeadShape(const HeadTask& task) : HeadShape(task.tokens, task.head_width) {}
  HeadShape(std::size_t token_count, std::size_t width)
      : tokens(token_count),
        head_width(width),
        head_cells((width + Dot::values_per_cell - 1) / Dot::values_per_cell),
        row_bytes(head_cells * Dot::cell_bytes),
        key_stride((rounded_up(tokens < keys_per_block ? tokens : keys_per_block, T::lanes) + T::lanes) *
                   Dot::cell_bytes),
        blocks((tokens + keys_per_block - 1) / keys_per_block),
        columns(rounded_up(width, T::lanes)),
        value_stride(columns * Dot::cell_bytes),
        value_cells((tokens + Dot::values_per_cell - 1) / Dot::values_per_cell) {}

  std::size_t tokens;
  std::size_t head_width;
  std::size_t head_cells;  // cells that a query or key has
  std::size_t row_bytes;   // of a query
  std::size_t
      key_stride;       // from cell to cell of a block's keys; a vector more than the keys, to spread over the cache
  std::size_t blocks;   // of keys
  std::size_t columns;  // of the values, whole vectors
  std::size_t value_stride;  // from cell to cell of the values
  std::size_t value_cells;

  std::size_t block_bytes() const { return head_cells * key_stride; }
  std::size_t keys_bytes() const { return rounded_up(blocks * block_bytes(), 64); }
  std::size_t values_bytes() const { return rounded_up(value_cells * value_stride, 64); }
  std::size_t rotated_bytes() const { return rounded_up(tokens * row_bytes, 64); }
};

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

// One row's halves rotated by its position (Su et al. 2021, arXiv:2104.09864, as in GPT-NeoX).
template <class T>
void rotate_row(const std::byte* x, std::size_t head_width, const float* cosines, const float* sines,
                std::byte* out) {
  using Dot = typename T::AttentionDot;
  const std::size_t half = head_width / 2;
  for (std::size_t i = 0; i < half; ++i) {
    const float low = Dot::value(x, i);
    const float high = Dot::value(x, i + half);
    Dot::set_value(out, i, low * cosines[i] - high * sines[i]);
    Dot::set_value(out, i + half, high * cosines[i] + low * sines[i]);
  }
  for (std::size_t i = head_width; i % Dot::values_per_cell != 0; ++i) Dot::set_value(out, i, 0);
}

// Rows as products read them, [tokens, row_bytes]: rotated, or with their last cell filled up.
template <class T>
void copy_rows(const HeadTask& task, const HeadShape<T>& shape, const std::byte* source, std::byte* out) {
  using Dot = typename T::AttentionDot;
  const std::size_t half = task.head_width / 2;
  for (std::size_t i = 0; i < task.tokens; ++i) {
    std::byte* target = out + i * shape.row_bytes;
    if (task.cosines != nullptr) {
      rotate_row<T>(source + i * task.stride, task.head_width, task.cosines + i * half, task.sines + i * half,
                    target);
    } else {
      const std::size_t used = task.head_width * Dot::row_value_bytes;
      std::memcpy(target, source + i * task.stride, used);
      std::memset(target + used, 0, shape.row_bytes - used);
    }
  }
}

// Keys as the left-hand weights of a product, [block, cell, key]. Keys beyond the last are whatever lies there.
template <class T>
void pack_keys(const HeadShape<T>& shape, const std::byte* rows, std::size_t stride, std::byte* out) {
  for (std::size_t block = 0; block < shape.blocks; ++block) {
    const std::size_t first = block * keys_per_block;
    const std::size_t count = shape.tokens - first < keys_per_block ? shape.tokens - first : keys_per_block;
    T::transpose_cells(rows + first * stride, stride, count, shape.head_cells, out + block * shape.block_bytes(),
                       shape.key_stride);
  }
}

// Values as the weights of a product, [cell, column], zero beyond the last token and column.
template <class T>
void pack_values(const HeadTask& task, const HeadShape<T>& shape, std::byte* out) {
  using Dot = typename T::AttentionDot;
  std::size_t cell = 0;
  if (task.head_width == shape.columns) {
    for (; (cell + 1) * Dot::values_per_cell <= shape.tokens; ++cell) {
      Dot::interleave(task.value + cell * Dot::values_per_cell * task.stride, task.stride, shape.columns,
                      out + cell * shape.value_stride);
    }
  }
  for (; cell < shape.value_cells; ++cell) {
    std::byte* target = out + cell * shape.value_stride;
    std::memset(target, 0, shape.value_stride);
    for (std::size_t part = 0; part < Dot::values_per_cell; ++part) {
      const std::size_t token = cell * Dot::values_per_cell + part;
      if (token >= shape.tokens) break;
      for (std::size_t j = 0; j < task.head_width; ++j) {
        Dot::set_value(target, j * Dot::values_per_cell + part, Dot::value(task.value + token * task.stride, j));
      }
    }
  }
}

// The keys of a block that one query sees: [first, end), counted from the block's first.
struct Seen {
  std::size_t first;
  std::size_t end;
};

inline Seen seen_keys(std::int64_t reach, std::size_t query, std::size_t first, std::size_t count) {
  if (reach < 0) return {0, count};
  const auto from = static_cast<std::int64_t>(query) - reach - static_cast<std::int64_t>(first);
  const auto to = static_cast<std::int64_t>(query) + reach + 1 - static_cast<std::int64_t>(first);
  const auto limit = static_cast<std::int64_t>(count);
  const std::int64_t start = from < 0 ? 0 : from > limit ? limit : from;
  const std::int64_t end = to < start ? start : to > limit ? limit : to;
  return {static_cast<std::size_t>(start), static_cast<std::size_t>(end)};
}

// Scales one row of scores, adds its biases, hides what is not seen up to `padded` keys, and gives the largest.
template <class T>
float finish_scores(const HeadTask& task, std::size_t query, std::size_t first, std::size_t count, std::size_t padded,
                    float* scores) {
  const Seen seen = seen_keys(task.reach, query, first, count);
  const float* bias = task.relative_bias == nullptr ? nullptr
                                                    : task.relative_bias + static_cast<std::ptrdiff_t>(first) -
                                                          static_cast<std::ptrdiff_t>(query);
  const typename T::Float scale = T::set(task.scale);
  typename T::Float largest = T::set(hidden_score);
  for (std::size_t j = 0; j < padded; j += T::lanes) {
    typename T::Float value = T::multiply(T::load(scores + j), scale);
    if (bias != nullptr) {
      value = T::add(value,
                     j + T::lanes <= count ? T::load(bias + j) : T::load_part(bias + j, count > j ? count - j : 0));
    }
    if (j < seen.first || j + T::lanes > seen.end)
      value = T::between(seen.first, seen.end, j, value, T::set(hidden_score));
    largest = T::max(largest, value);
    T::store(scores + j, value);
  }
  return T::reduce_max(largest);
}

// Gives e^(score - largest) of one row, rounded to what the product reads, and their sum.
template <class T>
float exponentiate(const float* scores, std::size_t padded, float largest, std::byte* weights) {
  using Dot = typename T::AttentionDot;
  const typename T::Float log2e = T::set(1.44269504F);
  const typename T::Float shift = T::set(largest);
  typename T::Float sum = T::zero();
  for (std::size_t j = 0; j < padded; j += T::lanes) {
    const typename T::Float value = exp2<T>(T::multiply(T::subtract(T::load(scores + j), shift), log2e));
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
    for (std::size_t block = first; block * keys_per_block < end; ++block)
      run_block(query, count, block, block == first);
    for (std::size_t row = 0; row < count; ++row) {
      float* out = task_.output + (query + row) * task_.output_stride;
      const float factor = 1 / memory_.sums[row];
      for (std::size_t j = 0; j < task_.head_width; ++j) out[j] *= factor;
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
      const float seen = finish_scores<T>(task_, query + row, first, keys, padded, scores);
      const float largest = seen > memory_.largest[row] ? seen : memory_.largest[row];
      const float sum = exponentiate<T>(scores, padded, largest, weights(row));
      corrections[row] = is_first ? 0 : T::exp_of(memory_.largest[row] - largest);
      memory_.sums[row] = is_first ? sum : memory_.sums[row] * corrections[row] + sum;
      memory_.largest[row] = largest;
    }
    weigh(query, count, block, keys, is_first ? nullptr : corrections);
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

  // Adds the block's weighted values to the output, which is scaled down by the corrections before; null for the
  // first block.
  void weigh(std::size_t query, std::size_t count, std::size_t block, std::size_t keys, const float* corrections) {
    constexpr std::size_t columns = Multipliers<Dot>::most_columns;
    const std::size_t cells = (keys + Dot::values_per_cell - 1) / Dot::values_per_cell;
    const std::byte* values = values_ + block * keys_per_block / Dot::values_per_cell * shape_.value_stride;
    for (std::size_t j = 0; j < shape_.columns; j += columns) {
      const std::size_t vectors = (shape_.columns - j < columns ? shape_.columns - j : columns) / T::lanes;
      multipliers(count,
                  vectors)({memory_.weights, keys_per_block * Dot::row_value_bytes, values + j * Dot::cell_bytes,
                            shape_.value_stride, cells, block_output_ + j, shape_.columns});
    }
    for (std::size_t row = 0; row < count; ++row) {
      const float* added = block_output_ + row * shape_.columns;
      float* out = task_.output + (query + row) * task_.output_stride;
      const float correction = corrections == nullptr ? 0 : corrections[row];
      for (std::size_t j = 0; j < task_.head_width; ++j) {
        out[j] = corrections == nullptr ? added[j] : out[j] * correction + added[j];
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
