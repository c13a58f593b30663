// Owns the kernels for AArch64 with matrix products of bytes (I8MM) and of bfloat16.
#include "kernels/generic/table.h"
#include "kernels/targets/neon.h"
#include "kernels/targets/neon_bf16.h"
#include "kernels/targets/neon_codes.h"
#include "kernels/targets/neon_float.h"
#include "kernels/targets/neon_pairs.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// uint8 by int8 in eights, two rows by two columns: usmmla.
struct NeonInt8Pairs : NeonCodes<0> {
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t values_per_cell = 8;
  static constexpr std::size_t cell_bytes = 8;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t rows_together = 2;
  static constexpr std::size_t most_inputs = (1U << 31) / (255 * 128);
  using Sum = int32x4_t;
  using Weight = int8x16_t;
  using Pair = uint8x16_t;
  using Value = std::int32_t;

  template <std::size_t rows, std::size_t vectors>
  static void multiply(const Tile& tile) {
    multiply_pairs<NeonInt8Pairs, rows, vectors>(tile);
  }
  static Sum zero() { return vdupq_n_s32(0); }
  static Weight load(const std::byte* x) { return vld1q_s8(reinterpret_cast<const std::int8_t*>(x)); }
  static Pair load_rows(const std::byte* first, const std::byte* second) {
    return vcombine_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(first)),
                       vld1_u8(reinterpret_cast<const std::uint8_t*>(second)));
  }
  static Sum add(Sum sum, Pair rows, Weight columns) { return vusmmlaq_s32(sum, rows, columns); }
  template <std::size_t row>
  static void store(Value* out, Sum left, Sum right) {
    vst1_s32(out, row == 0 ? vget_low_s32(left) : vget_high_s32(left));
    vst1_s32(out + 2, row == 0 ? vget_low_s32(right) : vget_high_s32(right));
  }
};

struct NeonI8mm : NeonVectors {
  using FloatElement = NeonFloatDot;
  using Int8Dot = NeonInt8Pairs;
  using Bfloat16Dot = NeonBfloat16Pairs;
  using AttentionDot = NeonBfloat16Dot;
};

constexpr KernelTable table = make_table<NeonI8mm>(Isa::neon_i8mm);

}  // namespace

const KernelTable& neon_i8mm_table() { return table; }

}  // namespace ortembed::kernels
