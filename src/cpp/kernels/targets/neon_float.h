// Owns NEON's products of float32, which serve bfloat16 too: each weight is widened as it is read.
#pragma once

#include "kernels/targets/neon_lanes.h"

namespace ortembed::kernels {
namespace {

struct NeonFloatElement {
  static constexpr std::size_t row_value_bytes = 4;
  static float* at(std::byte* x, std::size_t i) { return reinterpret_cast<float*>(x) + i; }
  static void store_values(std::byte* x, std::size_t i, float32x4_t values) { vst1q_f32(at(x, i), values); }
  static void store_values_part(std::byte* x, std::size_t i, float32x4_t values, std::size_t count) {
    NeonVectors::store_part(at(x, i), values, count);
  }
};

// float32 by float32, one value a cell.
struct NeonFloatDot : NeonFloatElement {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t vector_bytes = 16;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t tile_rows = 5;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = float32x4_t;
  using Weight = float32x4_t;
  using Row = float32x4_t;
  using Value = float;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_lanes<NeonFloatDot, rows, vectors>(tile);
  }
  static Sum zero() { return vdupq_n_f32(0); }
  static Weight load(const std::byte* x) { return vld1q_f32(reinterpret_cast<const float*>(x)); }
  static Row load_row(const std::byte* x) { return vld1q_f32(reinterpret_cast<const float*>(x)); }
  static Row broadcast(const std::byte* x) { return vld1q_dup_f32(reinterpret_cast<const float*>(x)); }
  template <std::size_t lane>
  static Sum add(Sum sum, Row row, Weight weight) {
    return vfmaq_laneq_f32(sum, weight, row, lane);
  }
  static void store(Value* out, Sum sum) { vst1q_f32(out, sum); }

  static float value(const std::byte* x, std::size_t i) {
    float result;
    std::memcpy(&result, x + 4 * i, sizeof result);
    return result;
  }
  static void set_value(std::byte* x, std::size_t i, float value) { std::memcpy(x + 4 * i, &value, sizeof value); }
  static void interleave(const std::byte* rows, std::size_t, std::size_t, std::size_t columns, std::byte* out) {
    std::memcpy(out, rows, columns * cell_bytes);
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
