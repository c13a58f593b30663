// Owns what vectors of all targets do alike, made of what each does in its own way.
//
// A template over the target's vectors, as all in generic/: code for one instruction set must not become that of
// another.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>

#include "kernels/generic/unrolled.h"

namespace ortembed::kernels {

// A target may reduce so many rows together: what it reads and writes is whole groups of them.
constexpr std::size_t rows_reduced_together = 8;

// `Vectors` derives from it, and replaces what its instructions do better.
template <class Vectors>
struct CommonVectors {
  // x, or what has its sign and that magnitude where that is less. Of NaN: anything.
  static ORTEMBED_INLINE auto clamp(auto x, float magnitude) {
    return Vectors::max(Vectors::set(-magnitude), Vectors::min(Vectors::set(magnitude), x));
  }
  // What is above the next lower whole number.
  static ORTEMBED_INLINE auto fraction(auto x) { return Vectors::subtract(x, Vectors::whole(x)); }
  // a in the lanes that stand for indices from `begin` to before `end`, the first for `index`; b in the others.
  static ORTEMBED_INLINE auto between(std::size_t begin, std::size_t end, std::size_t index, auto a, auto b) {
    return Vectors::part(lanes_before(begin, index), lanes_before(end, index), a, b);
  }

  // Of each of `count` vectors that lie end to end.
  static void reduce_add_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = Vectors::reduce_add(Vectors::load(x + i * Vectors::lanes));
  }
  static void reduce_max_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = Vectors::reduce_max(Vectors::load(x + i * Vectors::lanes));
  }
  static float square_root(float x) { return std::sqrt(x); }
  static float exp_of(float x) { return std::exp(x); }

  // [count, cells] cells of 4 bytes, rows `stride` bytes apart, to [cells, count], rows `out_stride` bytes apart.
  // Cells beyond the last row may be written, up to whole vectors.
  static void transpose_cells(const std::byte* x, std::size_t stride, std::size_t count, std::size_t cells,
                              std::byte* out, std::size_t out_stride) {
    constexpr std::size_t lanes = Vectors::lanes;
    const std::size_t whole = cells / lanes * lanes;
    for (std::size_t i = 0; i < count; i += lanes) {
      const std::size_t rows = count - i < lanes ? count - i : lanes;
      for (std::size_t j = 0; j < whole; j += lanes) {
        Vectors::transpose_block(x + i * stride + j * 4, stride, rows, out + j * out_stride + i * 4, out_stride);
      }
      for (std::size_t j = whole; j < cells; ++j) {
        for (std::size_t row = 0; row < rows; ++row) {
          std::memcpy(out + j * out_stride + (i + row) * 4, x + (i + row) * stride + j * 4, 4);
        }
      }
    }
  }

 private:
  // How many lanes stand for indices below `end`, the first for `index`.
  static ORTEMBED_INLINE std::size_t lanes_before(std::size_t end, std::size_t index) {
    if (end <= index) return 0;
    return end - index < Vectors::lanes ? end - index : Vectors::lanes;
  }
};

}  // namespace ortembed::kernels
