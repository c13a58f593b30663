// Owns how NEON makes codes of 8 bits.
#pragma once

#include "kernels/targets/neon.h"

namespace ortembed::kernels {
namespace {

// uint8, each byte of which is exclusive-ored with `flipped`: 0x80 makes them int8, from -128 on.
template <std::uint8_t flipped>
struct NeonCodes {
  static constexpr bool has_codes = true;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr float levels = 255;
  static constexpr float first_code_steps = flipped;  // what is between code 0 and the first one

  // Four vectors at once. What is no code, for lack of precision or as NaN, becomes the nearest, or any.
  static constexpr std::size_t code_vectors = 4;
  static void store_codes(std::byte* out, std::size_t i, const float32x4_t (&codes)[code_vectors]) {
    const uint8x16_t bytes = vcombine_u8(rounded(codes[0], codes[1]), rounded(codes[2], codes[3]));
    vst1q_u8(reinterpret_cast<std::uint8_t*>(out + i), bytes);
  }
  static void store_codes_part(std::byte* out, std::size_t i, float32x4_t codes, std::size_t count) {
    std::uint8_t bytes[8];
    vst1_u8(bytes, rounded(codes, codes));
    std::memcpy(out + i, bytes, count);
  }

 private:
  static uint8x8_t rounded(float32x4_t low, float32x4_t high) {
    const uint16x8_t words = vcombine_u16(vqmovun_s32(vcvtnq_s32_f32(low)), vqmovun_s32(vcvtnq_s32_f32(high)));
    return veor_u8(vqmovn_u16(words), vdup_n_u8(flipped));
  }
};

}  // namespace
}  // namespace ortembed::kernels
