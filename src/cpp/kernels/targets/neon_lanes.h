// Owns the inner loop of NEON's products of a vector by one lane of another.
#pragma once

#include "kernels/generic/product.h"
#include "kernels/targets/neon.h"

namespace ortembed::kernels {
namespace {

// As the generic loop, in the same order, but four cells of a row are read at once and each is taken as a lane: to
// broadcast a cell occupies a unit that multiplies.
template <class Dot, std::size_t rows, std::size_t vectors>
ORTEMBED_NOINLINE void multiply_lanes(const Tile& tile) {
  typename Dot::Sum sums[rows][vectors];
  unrolled<rows>([&](auto row) { unrolled<vectors>([&](auto column) { sums[row][column] = Dot::zero(); }); });
  const std::byte* x = tile.rows;
  const std::byte* w = tile.weights;
  const auto add_cell = [&](const auto& values, auto lane) {
    unrolled<vectors>([&](auto column) {
      const typename Dot::Weight weight = Dot::load(w + column * Dot::vector_bytes);
      unrolled<rows>(
          [&](auto row) { sums[row][column] = Dot::template add<lane()>(sums[row][column], values[row], weight); });
    });
    x += Dot::cell_bytes;
    w += tile.cell_stride;
  };
  std::size_t cell = 0;
  for (; cell + 4 <= tile.cells; cell += 4) {
    typename Dot::Row values[rows];
    unrolled<rows>([&](auto row) { values[row] = Dot::load_row(x + row * tile.row_stride); });
    unrolled<4>([&](auto lane) { add_cell(values, lane); });
  }
  for (; cell < tile.cells; ++cell) {
    typename Dot::Row values[rows];
    unrolled<rows>([&](auto row) { values[row] = Dot::broadcast(x + row * tile.row_stride); });
    add_cell(values, std::integral_constant<std::size_t, 0>{});
  }
  auto* out = static_cast<typename Dot::Value*>(tile.sums);
  unrolled<rows>([&](auto row) {
    unrolled<vectors>(
        [&](auto column) { Dot::store(out + row * tile.sum_stride + column * Dot::lanes, sums[row][column]); });
  });
}

}  // namespace
}  // namespace ortembed::kernels
