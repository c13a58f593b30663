// Owns AVX2's products of float32, which serve bfloat16 too: each weight is widened as it is read.
#pragma once

#include "kernels/targets/avx2.h"

namespace ortembed::kernels {
namespace {

struct Avx2FloatElement {
  static constexpr std::size_t row_value_bytes = 4;
  static float* at(std::byte* x, std::size_t i) { return reinterpret_cast<float*>(x) + i; }
  static void store_values(std::byte* x, std::size_t i, __m256 values) { _mm256_storeu_ps(at(x, i), values); }
  static void store_values_part(std::byte* x, std::size_t i, __m256 values, std::size_t count) {
    Avx2Vectors::store_part(at(x, i), values, count);
  }
};

// float32 by float32, one value a cell.
struct Avx2FloatDot : Avx2FloatElement {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 2;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = __m256;
  using Weight = __m256;
  using Row = __m256;
  using Value = float;

  static Sum zero() { return _mm256_setzero_ps(); }
  static Weight load(const std::byte* x) { return _mm256_loadu_ps(reinterpret_cast<const float*>(x)); }
  static Row broadcast(const std::byte* x) { return _mm256_broadcast_ss(reinterpret_cast<const float*>(x)); }
  static Sum add(Sum sum, Row row, Weight weight) { return _mm256_fmadd_ps(row, weight, sum); }
  static void store(Value* out, Sum sum) { _mm256_storeu_ps(out, sum); }

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
