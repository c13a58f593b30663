// Owns what AVX2's and AVX-VNNI's products of int8 have in common: all but the product.
#pragma once

#include "kernels/targets/avx2.h"

namespace ortembed::kernels {
namespace {

// uint8 codes up to `most_levels` by int8, in fours.
template <int most_levels>
struct Avx2ByteDot {
  static constexpr bool has_codes = true;
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t values_per_cell = 4;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr std::size_t tile_vectors = 2;
  static constexpr float levels = most_levels;
  static constexpr float first_code_steps = 0;  // what is between code 0 and the first one
  static constexpr std::size_t most_inputs = (1U << 31) / (most_levels * 128);
  using Sum = __m256i;
  using Weight = __m256i;
  using Row = __m256i;
  using Value = std::int32_t;

  static Sum zero() { return _mm256_setzero_si256(); }
  static Weight load(const std::byte* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static Row broadcast(const std::byte* x) {
    std::int32_t cell;
    std::memcpy(&cell, x, sizeof cell);
    return _mm256_set1_epi32(cell);
  }
  static void store(Value* out, Sum sum) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sum); }

  // Four vectors at once: packed to 16 bits, then to 8, each lane of 128 bits by itself, and put in order. What is no
  // code, for lack of precision or as NaN, becomes the nearest, or any.
  static constexpr std::size_t code_vectors = 4;
  static void store_codes(std::byte* out, std::size_t i, const __m256 (&codes)[code_vectors]) {
    __m256i whole[code_vectors];
    unrolled<code_vectors>([&](auto k) { whole[k] = _mm256_cvtps_epi32(codes[k]); });
    const __m256i low = _mm256_packs_epi32(whole[0], whole[1]);
    const __m256i high = _mm256_packs_epi32(whole[2], whole[3]);
    const __m256i bytes = _mm256_min_epu8(_mm256_packus_epi16(low, high), _mm256_set1_epi8(most));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_permutevar8x32_epi32(bytes, order));
  }
  static void store_codes_part(std::byte* out, std::size_t i, __m256 codes, std::size_t count) {
    const __m256i whole = _mm256_cvtps_epi32(codes);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    alignas(16) std::byte bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes),
                    _mm_min_epu8(_mm_packus_epi16(words, words), _mm_set1_epi8(most)));
    std::memcpy(out + i, bytes, count);
  }

 private:
  static constexpr char most = static_cast<char>(most_levels);
};

}  // namespace
}  // namespace ortembed::kernels
