// Owns the conversion of float32 to float16 (IEEE binary16) in plain C++: not every CPU has an instruction for it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace ortembed {

// The bits of the float16 nearest to the value, ties to the even one, as numpy's astype gives. What is too large
// becomes infinity, and a NaN stays one. Selected with masks, so that compilers vectorize loops of it.
inline std::uint16_t to_float16(float value) {
  constexpr std::int32_t infinity32 = 0x7f80'0000;
  constexpr std::int32_t infinity16 = 0x7c00;
  constexpr std::int32_t smallest_normal = 0x3880'0000;  // 2^-14
  constexpr std::int32_t exponent_offset = 0x3800'0000;  // the biases differ by 127 - 15
  constexpr float half = 0.5F;                           // its last bit has the weight of the smallest subnormal
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto magnitude = static_cast<std::int32_t>(bits & 0x7fff'ffff);

  // Adding just under half of the last kept bit, or half where that bit is odd, carries where rounding goes up.
  const std::int32_t normal = (magnitude - exponent_offset + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const float shifted = std::bit_cast<float>(magnitude) + half;
  const std::int32_t subnormal = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(half);

  const std::int32_t is_subnormal = -static_cast<std::int32_t>(magnitude < smallest_normal);
  const std::int32_t is_nan = -static_cast<std::int32_t>(magnitude > infinity32);
  const std::int32_t finite = (subnormal & is_subnormal) | (std::min(normal, infinity16) & ~is_subnormal);
  const auto sign = static_cast<std::int32_t>(bits >> 16 & 0x8000);
  return static_cast<std::uint16_t>(sign | finite | (is_nan & 0x7e00));
}

}  // namespace ortembed
