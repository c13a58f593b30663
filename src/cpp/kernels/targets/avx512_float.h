// Owns AVX-512's products of float32, which serve bfloat16 where there is no BF16: each weight is widened as it is
// read.
#pragma once

#include "kernels/generic/float_dot.h"
#include "kernels/targets/avx512.h"

namespace ortembed::kernels {
namespace {

// float32 by float32, one value a cell.
struct Avx512FloatDot : CommonFloatDot<Avx512Vectors> {
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 4;
};

// float32 by bfloat16.
struct Avx512WideningDot : Avx512FloatDot {
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t weight_value_bytes = 2;
  static Weight load(const std::byte* x) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
};

}  // namespace
}  // namespace ortembed::kernels
