// Owns the inner loop of NEON's products of two rows by two columns.
#pragma once

#include "kernels/generic/product.h"
#include "kernels/targets/neon.h"

namespace ortembed::kernels {
namespace {

// A cell has 8 bytes, so a register holds those of two rows, or of two columns, and a sum those of two by two. Where
// the rows are odd, the last one is its own partner.
template <class Dot, std::size_t rows, std::size_t vectors>
ORTEMBED_NOINLINE void multiply_pairs(const Tile& tile) {
  constexpr std::size_t row_pairs = (rows + 1) / 2;
  constexpr std::size_t column_pairs = 2 * vectors;
  typename Dot::Sum sums[row_pairs][column_pairs];
  unrolled<row_pairs>(
      [&](auto row) { unrolled<column_pairs>([&](auto column) { sums[row][column] = Dot::zero(); }); });
  const std::byte* x = tile.rows;
  const std::byte* w = tile.weights;
  for (std::size_t cell = 0; cell < tile.cells; ++cell) {
    typename Dot::Pair values[row_pairs];
    unrolled<row_pairs>([&](auto pair) {
      constexpr std::size_t first = 2 * pair();
      constexpr std::size_t second = first + 1 < rows ? first + 1 : first;
      values[pair] = Dot::load_rows(x + first * tile.row_stride, x + second * tile.row_stride);
    });
    unrolled<column_pairs>([&](auto column) {
      const typename Dot::Weight weight = Dot::load(w + column * 16);
      unrolled<row_pairs>([&](auto row) { sums[row][column] = Dot::add(sums[row][column], values[row], weight); });
    });
    x += Dot::cell_bytes;
    w += tile.cell_stride;
  }
  auto* out = static_cast<typename Dot::Value*>(tile.sums);
  unrolled<rows>([&](auto row) {
    unrolled<vectors>([&](auto column) {
      const auto& pairs = sums[row / 2];
      Dot::template store<row % 2>(out + row * tile.sum_stride + column * Dot::lanes, pairs[2 * column],
                                   pairs[2 * column + 1]);
    });
  });
}

}  // namespace
}  // namespace ortembed::kernels
