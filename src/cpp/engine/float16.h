// Owns the conversion of float32 to float16 (IEEE binary16) in plain C++: not every CPU has an instruction for it.
#pragma once

#include <bit>
#include <cstdint>

namespace ortembed {

// The bits of the float16 nearest to the value, ties to the even one, as numpy's astype gives. What is too large
// becomes infinity, and a NaN stays one. Without branches, so that compilers vectorize loops of it.
inline std::uint16_t to_float16(float value) {
  constexpr std::uint32_t infinity32 = 0x7f80'0000;
  constexpr std::uint32_t beyond_range = 0x4780'0000;     // 65536, past everything that rounds to a finite float16
  constexpr std::uint32_t smallest_normal = 0x3880'0000;  // 2^-14
  constexpr std::uint32_t exponent_offset = 0x3800'0000;  // the biases differ by 127 - 15
  constexpr float half = 0.5F;                            // its last bit has the weight of the smallest subnormal
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fff'ffff;

  // Adding just under half of the last kept bit, or half where that bit is odd, carries where rounding goes up.
  const std::uint32_t normal = (magnitude - exponent_offset + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const float shifted = std::bit_cast<float>(magnitude < smallest_normal ? magnitude : 0U) + half;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(half);
  const std::uint32_t special = magnitude > infinity32 ? 0x7e00U : 0x7c00U;

  const std::uint32_t finite = magnitude < smallest_normal ? subnormal : normal;
  return static_cast<std::uint16_t>(sign | (magnitude >= beyond_range ? special : finite));
}

}  // namespace ortembed
