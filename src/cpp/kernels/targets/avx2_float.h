// Owns AVX2's products of float32, which serve bfloat16 too: each weight is widened as it is read.
#pragma once

#include "kernels/generic/float_dot.h"
#include "kernels/targets/avx2.h"

namespace ortembed::kernels {
namespace {

// float32 by float32, one value a cell.
struct Avx2FloatDot : CommonFloatDot<Avx2Vectors> {
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 2;
};

// float32 by bfloat16.
struct Avx2WideningDot : Avx2FloatDot {
  static constexpr std::size_t vector_bytes = 16;
  static constexpr std::size_t weight_value_bytes = 2;
  static Weight load(const std::byte* x) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
};

}  // namespace
}  // namespace ortembed::kernels
