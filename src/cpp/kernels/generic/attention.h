// Owns attention of one head in one text: scores, softmax and weighted values, block by block of keys.
//
// Softmax goes along with the blocks, as in Milakov and Gimelshein 2018 (arXiv:1805.02867): sums so far are scaled
// down when a later block has a larger score. Where the blocks lie depends on the text alone, so its neighbours and
// the number of threads change no bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/generic/attention_operands.h"
#include "kernels/generic/product.h"
#include "kernels/generic/softmax.h"
#include "kernels/generic/vectors.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

// How many queries go through softmax together, and how their scores and weights lie. As many as fit the innermost
// cache: each step of a softmax waits for the one before, so that one with few rows is all waiting.
template <class T>
struct QueryTile {
  using Dot = typename T::AttentionDot;
  static constexpr std::size_t most_rows = 8 * Dot::tile_rows;
  static constexpr std::size_t most_scores = 6144;

  explicit QueryTile(std::size_t tokens)
      : score_stride(rounded_up(tokens < keys_per_block ? tokens : keys_per_block, T::lanes) + T::lanes),
        rows(std::clamp(most_scores / score_stride / Dot::tile_rows * Dot::tile_rows, Dot::tile_rows, most_rows)) {}

  std::size_t score_stride;  // floats from row to row; a vector more than the keys, to spread over the cache
  std::size_t rows;          // whole tiles of the product

  std::size_t weight_stride() const { return score_stride * Dot::row_value_bytes; }
  std::size_t scores_bytes() const { return rounded_up(rows * score_stride * sizeof(float), 64); }
  std::size_t weights_bytes() const { return rounded_up(rows * weight_stride(), 64); }
};

// Of each row in a tile of queries.
template <class T>
struct RowMemory {
  static constexpr std::size_t rows = rounded_up(QueryTile<T>::most_rows, rows_reduced_together);

  alignas(64) float lanes[rows * T::lanes];  // a vector on its way to one value
  alignas(64) float found[rows];
  alignas(64) float largest[rows];
  alignas(64) float sums[rows];
};

template <class T>
class Attention {
  using Dot = typename T::AttentionDot;
  static constexpr Multipliers<Dot> multipliers{};
  static constexpr std::size_t most_columns = Multipliers<Dot>::most_columns;

 public:
  static std::size_t scratch_bytes(std::size_t tokens, std::size_t head_width) {
    const HeadShape<T> shape(tokens, head_width);
    const QueryTile<T> tile(tokens);
    return sizeof(RowMemory<T>) + shape.keys_bytes() + shape.values_bytes() + shape.rotated_bytes() +
           tile.scores_bytes() + tile.weights_bytes() + tile.rows * shape.columns * sizeof(float);
  }

  explicit Attention(const HeadTask& task)
      : task_(task), shape_(task), tile_(task.tokens), rows_(*reinterpret_cast<RowMemory<T>*>(task.scratch)) {
    keys_ = task.scratch + sizeof(RowMemory<T>);
    values_ = keys_ + shape_.keys_bytes();
    std::byte* rotated = values_ + shape_.values_bytes();
    scores_ = reinterpret_cast<float*>(rotated + shape_.rotated_bytes());
    weights_ = rotated + shape_.rotated_bytes() + tile_.scores_bytes();
    block_output_ = reinterpret_cast<float*>(weights_ + tile_.weights_bytes());
    const bool is_plain = task.cosines == nullptr && task.head_width % Dot::values_per_cell == 0;
    queries_ = is_plain ? task.query : rotated;
    query_stride_ = is_plain ? task.stride : shape_.row_bytes;
    if (!is_plain) copy_rows<T>(task, shape_, task.key, rotated);
    pack_keys<T>(shape_, is_plain ? task.key : rotated, query_stride_, keys_);
    if (!is_plain) copy_rows<T>(task, shape_, task.query, rotated);
    pack_values<T>(task, shape_, values_);
  }

  void run() {
    visit_tiles(task_.tokens, tile_.rows, Dot::tile_rows,
                [&](std::size_t first, std::size_t count) { run_tile(first, count); });
  }

 private:
  void run_tile(std::size_t query, std::size_t count) {
    const std::size_t first = seen_keys(task_.reach, query, 0, task_.tokens).first / keys_per_block;
    const std::size_t end = seen_keys(task_.reach, query + count - 1, 0, task_.tokens).end;
    for (std::size_t row = 0; row < count; ++row) {
      rows_.largest[row] = hidden_score;
      rows_.sums[row] = 0;
    }
    for (std::size_t block = first; block * keys_per_block < end; ++block) {
      run_block(query, count, seen_together(query, count, block), block == first);
    }
    const bool has_one = (first + 1) * keys_per_block >= end;  // whose output still lies where the product put it
    divide(query, count, has_one);
  }

  // Weighted values by the sums of their weights. A token whose scores are all minus infinity has no mean.
  void divide(std::size_t query, std::size_t count, bool lie_in_block_output) {
    for (std::size_t row = 0; row < count; ++row) {
      const bool has_mean = rows_.largest[row] > hidden_score;
      rows_.found[row] = has_mean ? 1 / rows_.sums[row] : std::numeric_limits<float>::quiet_NaN();
    }
    for (std::size_t row = 0; row < count; ++row) {
      float* out = task_.output + (query + row) * task_.output_stride;
      const float* x = lie_in_block_output ? block_output_ + row * shape_.columns : out;
      const typename T::Float factor = T::set(rows_.found[row]);
      visit_row<T>(
          task_.head_width, [&](std::size_t j) { T::store(out + j, T::multiply(T::load(x + j), factor)); },
          [&](std::size_t j, std::size_t part) {
            T::store_part(out + j, T::multiply(T::load_part(x + j, part), factor), part);
          });
    }
  }

  // The keys of a block that some query of a tile sees, from a whole panel of the product on.
  struct Keys {
    std::size_t block;
    std::size_t from;   // in the block
    std::size_t first;  // in the text
    std::size_t count;
  };

  Keys seen_together(std::size_t query, std::size_t count, std::size_t block) const {
    static_assert(most_columns % Dot::values_per_cell == 0);
    const std::size_t first = block * keys_per_block;
    const std::size_t keys = std::min(task_.tokens - first, keys_per_block);
    const std::size_t from = seen_keys(task_.reach, query, first, keys).first / most_columns * most_columns;
    return {block, from, first + from, seen_keys(task_.reach, query + count - 1, first, keys).end - from};
  }

  void run_block(std::size_t query, std::size_t count, const Keys& keys, bool is_first) {
    const std::size_t padded = rounded_up(keys.count, T::lanes);
    score(query, count, keys, padded);
    for (std::size_t row = 0; row < count; ++row) {
      adjust_scores<T>(task_, query + row, keys.first, keys.count, padded, scores(row));
      T::store(lanes(row), largest_lanes<T>(scores(row), padded));
    }
    T::reduce_max_rows(rows_.lanes, count, rows_.found);
    float corrections[QueryTile<T>::most_rows];
    for (std::size_t row = 0; row < count; ++row) {
      const float largest = rows_.found[row] > rows_.largest[row] ? rows_.found[row] : rows_.largest[row];
      corrections[row] = is_first ? 0 : T::exp_of(task_.scale * (rows_.largest[row] - largest));
      rows_.largest[row] = largest;
      T::store(lanes(row), exponentiate<T>(scores(row), padded, task_.scale, largest, weights(row)));
    }
    T::reduce_add_rows(rows_.lanes, count, rows_.found);
    for (std::size_t row = 0; row < count; ++row) {
      rows_.sums[row] = (is_first ? 0 : rows_.sums[row] * corrections[row]) + rows_.found[row];
    }
    weigh(count, keys);
    if (shape_.blocks > 1) add_block(query, count, is_first ? nullptr : corrections);
  }

  float* scores(std::size_t row) { return scores_ + row * tile_.score_stride; }
  float* lanes(std::size_t row) { return rows_.lanes + row * T::lanes; }
  std::byte* weights(std::size_t row) { return weights_ + row * tile_.weight_stride(); }

  void score(std::size_t query, std::size_t count, const Keys& seen, std::size_t padded) {
    for (std::size_t j = 0; j < padded; j += most_columns) {
      const std::size_t vectors = (padded - j < most_columns ? padded - j : most_columns) / T::lanes;
      const std::byte* keys = keys_ + seen.block * shape_.block_bytes() + (seen.from + j) * Dot::cell_bytes;
      visit_tiles(count, Dot::tile_rows, 1, [&](std::size_t row, std::size_t height) {
        multipliers(height, vectors)({queries_ + (query + row) * query_stride_, query_stride_, keys,
                                      shape_.key_stride, shape_.head_cells, scores(row) + j, tile_.score_stride});
      });
    }
  }

  // Weighted values of a block, into block_output_.
  void weigh(std::size_t count, const Keys& seen) {
    const std::size_t cells = (seen.count + Dot::values_per_cell - 1) / Dot::values_per_cell;
    const std::byte* values = values_ + seen.first / Dot::values_per_cell * shape_.value_stride;
    for (std::size_t j = 0; j < shape_.columns; j += most_columns) {
      const std::size_t vectors = (shape_.columns - j < most_columns ? shape_.columns - j : most_columns) / T::lanes;
      visit_tiles(count, Dot::tile_rows, 1, [&](std::size_t row, std::size_t height) {
        multipliers(height,
                    vectors)({weights(row), tile_.weight_stride(), values + j * Dot::cell_bytes, shape_.value_stride,
                              cells, block_output_ + row * shape_.columns + j, shape_.columns});
      });
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
  QueryTile<T> tile_;
  RowMemory<T>& rows_;
  std::byte* keys_;
  std::byte* values_;
  float* scores_;
  std::byte* weights_;
  float* block_output_;
  const std::byte* queries_;
  std::size_t query_stride_;
};

template <class T>
void attend(const HeadTask& task) {
  if (task.tokens > 0) Attention<T>(task).run();
}

}  // namespace ortembed::kernels
