// Owns NEON's products of bfloat16.
#pragma once

#include "kernels/bfloat16.h"
#include "kernels/targets/neon_lanes.h"
#include "kernels/targets/neon_pairs.h"

namespace ortembed::kernels {
namespace {

// Rows of bfloat16.
struct NeonBfloat16Rows {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t row_value_bytes = 2;
  static constexpr std::size_t weight_value_bytes = 2;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = float32x4_t;
  using Weight = bfloat16x8_t;
  using Value = float;

  static Sum zero() { return vdupq_n_f32(0); }
  static Weight load(const std::byte* x) { return vld1q_bf16(reinterpret_cast<const bfloat16_t*>(x)); }

  static void store_values(std::byte* x, std::size_t i, float32x4_t values) {
    const bfloat16x4_t rounded = vcvt_bf16_f32(values);
    std::memcpy(x + 2 * i, &rounded, sizeof rounded);
  }
  static void store_values_part(std::byte* x, std::size_t i, float32x4_t values, std::size_t count) {
    const bfloat16x4_t rounded = vcvt_bf16_f32(values);
    std::memcpy(x + 2 * i, &rounded, 2 * count);
  }
};

// In pairs, a vector by a lane: bfdot. For attention, whose operands have cells of 4 bytes.
struct NeonBfloat16Dot : NeonBfloat16Rows {
  static constexpr std::size_t vector_bytes = 16;
  static constexpr std::size_t values_per_cell = 2;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t tile_rows = 4;
  static constexpr std::size_t tile_vectors = 4;
  using Row = bfloat16x8_t;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_lanes<NeonBfloat16Dot, rows, vectors>(tile);
  }
  static Row load_row(const std::byte* x) { return load(x); }
  static Row broadcast(const std::byte* x) {
    std::uint32_t cell;
    std::memcpy(&cell, x, sizeof cell);
    return vreinterpretq_bf16_u32(vdupq_n_u32(cell));
  }
  template <std::size_t lane>
  static Sum add(Sum sum, Row row, Weight weight) {
    return vbfdotq_laneq_f32(sum, weight, row, lane);
  }
  static void store(Value* out, Sum sum) { vst1q_f32(out, sum); }

  static float value(const std::byte* x, std::size_t i) {
    std::uint16_t bits;
    std::memcpy(&bits, x + 2 * i, sizeof bits);
    return float_of_bfloat16(bits);
  }
  static void set_value(std::byte* x, std::size_t i, float value) {
    const std::uint16_t bits = bfloat16_of(value);
    std::memcpy(x + 2 * i, &bits, sizeof bits);
  }
  // A cell for each column: a value of each of two rows, `stride` bytes apart, or of one and zero.
  static void interleave(const std::byte* rows, std::size_t stride, std::size_t count, std::size_t columns,
                         std::byte* out) {
    for (std::size_t j = 0; j < columns; j += lanes) {
      uint16x4x2_t pair{{wide(rows + 2 * j), vdup_n_u16(0)}};
      if (count == 2) pair.val[1] = wide(rows + stride + 2 * j);
      vst2_u16(reinterpret_cast<std::uint16_t*>(out + j * cell_bytes), pair);
    }
  }

 private:
  static uint16x4_t wide(const std::byte* x) { return vld1_u16(reinterpret_cast<const std::uint16_t*>(x)); }
};

// In fours, two rows by two columns: bfmmla.
struct NeonBfloat16Pairs : NeonBfloat16Rows {
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t values_per_cell = 4;
  static constexpr std::size_t cell_bytes = 8;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t rows_together = 2;
  using Pair = bfloat16x8_t;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_pairs<NeonBfloat16Pairs, rows, vectors>(tile);
  }
  static Pair load_rows(const std::byte* first, const std::byte* second) {
    return vcombine_bf16(vld1_bf16(reinterpret_cast<const bfloat16_t*>(first)),
                         vld1_bf16(reinterpret_cast<const bfloat16_t*>(second)));
  }
  static Sum add(Sum sum, Pair rows, Weight columns) { return vbfmmlaq_f32(sum, rows, columns); }
  template <std::size_t row>
  static void store(Value* out, Sum left, Sum right) {
    vst1_f32(out, row == 0 ? vget_low_f32(left) : vget_high_f32(left));
    vst1_f32(out + 2, row == 0 ? vget_low_f32(right) : vget_high_f32(right));
  }
};

}  // namespace
}  // namespace ortembed::kernels
