// Owns the inner loop of every product: a tile of rows by a tile of columns, its sums in registers.
//
// A function of its own that writes sums and does nothing else: with anything else inlined around the loop, GCC and
// clang run out of registers and keep the sums on the stack.
#pragma once

#include <cstddef>

#include "kernels/generic/unrolled.h"

namespace ortembed::kernels {

// Operands of one tile. Rows of x in cells of 4 bytes (of Dot::cell_bytes where that differs), `row_stride` bytes
// apart; weights cell by cell, `cell_stride` bytes apart, in each the columns one after the other.
struct Tile {
  const std::byte* rows;
  std::size_t row_stride;
  const std::byte* weights;
  std::size_t cell_stride;
  std::size_t cells;
  void* sums;              // of type Dot::Sum's lanes, [rows, vectors * lanes]
  std::size_t sum_stride;  // lanes from row to row
};

template <class Dot, std::size_t rows, std::size_t vectors>
ORTEMBED_NOINLINE void multiply(const Tile& tile) {
  typename Dot::Sum sums[rows][vectors];
  unrolled<rows>([&](auto row) { unrolled<vectors>([&](auto column) { sums[row][column] = Dot::zero(); }); });
  const std::byte* x = tile.rows;
  const std::byte* w = tile.weights;
  ORTEMBED_UNROLL_2
  for (std::size_t cell = 0; cell < tile.cells; ++cell) {
    typename Dot::Weight weights[vectors];
    unrolled<vectors>([&](auto column) { weights[column] = Dot::load(w + column * Dot::vector_bytes); });
    unrolled<rows>([&](auto row) {
      const typename Dot::Row value = Dot::broadcast(x + row * tile.row_stride);
      unrolled<vectors>(
          [&](auto column) { sums[row][column] = Dot::add(sums[row][column], value, weights[column]); });
    });
    x += Dot::cell_bytes;
    w += tile.cell_stride;
  }
  auto* out = static_cast<typename Dot::Value*>(tile.sums);
  unrolled<rows>([&](auto row) {
    unrolled<vectors>(
        [&](auto column) { Dot::store(out + row * tile.sum_stride + column * Dot::lanes, sums[row][column]); });
  });
}

using Multiply = void (*)(const Tile& tile);

// The loop above, or the target's own where its instructions do not fit that one.
template <class Dot, std::size_t rows, std::size_t vectors>
constexpr Multiply multiplier() {
  if constexpr (requires { &Dot::template multiply<rows, vectors>; }) {
    return &Dot::template multiply<rows, vectors>;
  } else {
    return &multiply<Dot, rows, vectors>;
  }
}

// Rows that a target multiplies together at no more cost than one of them.
template <class Dot>
constexpr std::size_t rows_together() {
  if constexpr (requires { Dot::rows_together; }) {
    return Dot::rows_together;
  } else {
    return 1;
  }
}

// The inner loops of a dot operation for each number of rows and vectors that a tile may have.
template <class Dot>
struct Multipliers {
  static constexpr std::size_t most_rows = Dot::tile_rows;
  static constexpr std::size_t most_vectors = Dot::tile_vectors;
  static constexpr std::size_t most_columns = most_vectors * Dot::lanes;

  Multiply functions[most_rows][most_vectors];

  constexpr Multipliers() : functions{} { fill(std::make_index_sequence<most_rows>{}); }

  Multiply operator()(std::size_t rows, std::size_t vectors) const { return functions[rows - 1][vectors - 1]; }

 private:
  template <std::size_t... row>
  constexpr void fill(std::index_sequence<row...>) {
    (fill_row<row>(std::make_index_sequence<most_vectors>{}), ...);
  }
  template <std::size_t row, std::size_t... vector>
  constexpr void fill_row(std::index_sequence<vector...>) {
    ((functions[row][vector] = multiplier<Dot, row + 1, vector + 1>()), ...);
  }
};

// Splits `count` rows into tiles of nearly equal height, since a low tile loads as many weights as a high one, each
// but the last of whole steps; calls visit(first, rows) for each. `most` is a multiple of the step.
template <class Visit>
ORTEMBED_INLINE void visit_tiles(std::size_t count, std::size_t most, std::size_t step, const Visit& visit) {
  const std::size_t tiles = (count + most - 1) / most;
  std::size_t first = 0;
  for (std::size_t tile = 1; tile <= tiles; ++tile) {
    const std::size_t end = tile == tiles ? count : (count * tile / tiles + step - 1) / step * step;
    visit(first, end - first);
    first = end;
  }
}

}  // namespace ortembed::kernels
