// Owns NEON's products of float32, which serve bfloat16 too: each weight is widened as it is read.
#pragma once

#include "kernels/generic/float_dot.h"
#include "kernels/targets/neon_lanes.h"

namespace ortembed::kernels {
namespace {

// float32 by float32, one value a cell.
struct NeonFloatDot : CommonFloatDot<NeonVectors> {
  static constexpr std::size_t tile_rows = 5;
  static constexpr std::size_t tile_vectors = 4;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_lanes<NeonFloatDot, rows, vectors>(tile);
  }
  static Row load_row(const std::byte* x) { return load(x); }
  template <std::size_t lane>
  static Sum add(Sum sum, Row row, Weight weight) {
    return vfmaq_laneq_f32(sum, weight, row, lane);
  }
};

// float32 by bfloat16. High tiles, since each weight is widened once a tile.
struct NeonWideningDot : NeonFloatDot {
  static constexpr std::size_t vector_bytes = 8;
  static constexpr std::size_t weight_value_bytes = 2;
  static constexpr std::size_t tile_rows = 8;
  static constexpr std::size_t tile_vectors = 2;
  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_lanes<NeonWideningDot, rows, vectors>(tile);
  }
  static Weight load(const std::byte* x) {
    const uint16x4_t bits = vld1_u16(reinterpret_cast<const std::uint16_t*>(x));
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }
};

}  // namespace
}  // namespace ortembed::kernels
