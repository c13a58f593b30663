// Owns the kernels for AArch64 with the dot product of bytes.
#include "kernels/generic/table.h"
#include "kernels/targets/neon.h"
#include "kernels/targets/neon_codes.h"
#include "kernels/targets/neon_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// int8 by int8 in fours: sdot.
struct NeonInt8Dot : NeonCodes<0x80> {
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t vector_bytes = 16;
  static constexpr std::size_t values_per_cell = 4;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t tile_rows = 5;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t most_inputs = (1U << 31) / (128 * 128);
  using Sum = int32x4_t;
  using Weight = int8x16_t;
  using Row = int8x16_t;
  using Value = std::int32_t;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_lanes<NeonInt8Dot, rows, vectors>(tile);
  }
  static Sum zero() { return vdupq_n_s32(0); }
  static Weight load(const std::byte* x) { return vld1q_s8(reinterpret_cast<const std::int8_t*>(x)); }
  static Row load_row(const std::byte* x) { return vld1q_s8(reinterpret_cast<const std::int8_t*>(x)); }
  static Row broadcast(const std::byte* x) {
    std::int32_t cell;
    std::memcpy(&cell, x, sizeof cell);
    return vreinterpretq_s8_s32(vdupq_n_s32(cell));
  }
  template <std::size_t lane>
  static Sum add(Sum sum, Row row, Weight weight) {
    return vdotq_laneq_s32(sum, weight, row, lane);
  }
  static void store(Value* out, Sum sum) { vst1q_s32(out, sum); }
};

struct NeonDot : NeonVectors {
  using FloatElement = NeonFloatDot;
  using Int8Dot = NeonInt8Dot;
  using Bfloat16Dot = NeonWideningDot;
  using AttentionDot = NeonFloatDot;
};

constexpr KernelTable table = make_table<NeonDot>(Isa::neon_dot);

}  // namespace

const KernelTable& neon_dot_table() { return table; }

}  // namespace ortembed::kernels
