// Owns AVX-512's products of float32, which serve bfloat16 where there is no BF16: each weight is widened as it is
// read.
#pragma once

#include "kernels/targets/avx512.h"

namespace ortembed::kernels {
namespace {

struct Avx512FloatElement {
  static constexpr std::size_t row_value_bytes = 4;
  static float* at(std::byte* x, std::size_t i) { return reinterpret_cast<float*>(x) + i; }
  static void store_values(std::byte* x, std::size_t i, __m512 value) { _mm512_storeu_ps(at(x, i), value); }
  static void store_values_part(std::byte* x, std::size_t i, __m512 value, std::size_t count) {
    _mm512_mask_storeu_ps(at(x, i), Avx512Vectors::mask(count), value);
  }
};

// float32 by float32, one value a cell.
struct Avx512FloatDot : Avx512FloatElement {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = 16;
  static constexpr std::size_t vector_bytes = 64;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = __m512;
  using Weight = __m512;
  using Row = __m512;
  using Value = float;

  static Sum zero() { return _mm512_setzero_ps(); }
  static Weight load(const std::byte* x) { return _mm512_loadu_ps(x); }
  static Row broadcast(const std::byte* x) { return _mm512_set1_ps(value(x, 0)); }
  static Sum add(Sum sum, Row row, Weight weight) { return _mm512_fmadd_ps(row, weight, sum); }
  static void store(Value* out, Sum sum) { _mm512_storeu_ps(out, sum); }

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
