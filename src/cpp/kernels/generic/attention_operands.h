// Owns how one head's queries, keys and values lie in memory as operands of attention's products.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/kernel_table.h"

namespace ortembed::kernels {

constexpr std::size_t keys_per_block = 512;

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

// Values as the weights of a product, [cell, column]: of each cell's tokens one after the other, zero beyond the last
// token and column.
template <class T>
void pack_values(const HeadTask& task, const HeadShape<T>& shape, std::byte* out) {
  using Dot = typename T::AttentionDot;
  const bool is_whole = task.head_width == shape.columns;
  for (std::size_t cell = 0; cell < shape.value_cells; ++cell) {
    const std::size_t token = cell * Dot::values_per_cell;
    const std::size_t count =
        shape.tokens - token < Dot::values_per_cell ? shape.tokens - token : Dot::values_per_cell;
    const std::byte* rows = task.value + token * task.stride;
    std::byte* target = out + cell * shape.value_stride;
    if (is_whole) {
      Dot::interleave(rows, task.stride, count, shape.columns, target);
      continue;
    }
    std::memset(target, 0, shape.value_stride);
    for (std::size_t part = 0; part < count; ++part) {
      for (std::size_t j = 0; j < task.head_width; ++j) {
        Dot::set_value(target, j * Dot::values_per_cell + part, Dot::value(rows + part * task.stride, j));
      }
    }
  }
}

}  // namespace ortembed::kernels
