// Owns what AVX-512's products of int8 have in common, with VNNI and without: all but the product.
#pragma once

#include "kernels/targets/avx512.h"

namespace ortembed::kernels {
namespace {

// uint8 codes up to `most_levels` by int8, in fours.
template <int most_levels>
struct Avx512ByteDot {
  static constexpr bool has_codes = true;
  static constexpr std::size_t lanes = 16;
  static constexpr std::size_t vector_bytes = 64;
  static constexpr std::size_t values_per_cell = 4;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr float levels = most_levels;
  static constexpr float first_code_steps = 0;  // what is between code 0 and the first one
  static constexpr std::size_t most_inputs = (1U << 31) / (most_levels * 128);
  using Sum = __m512i;
  using Weight = __m512i;
  using Row = __m512i;
  using Value = std::int32_t;

  static Sum zero() { return _mm512_setzero_si512(); }
  static Weight load(const std::byte* x) { return _mm512_loadu_si512(x); }
  static Row broadcast(const std::byte* x) { return Avx512Vectors::spread_cell(x); }
  static void store(Value* out, Sum sum) { _mm512_storeu_si512(out, sum); }

  // Four vectors at once: packed to 16 bits, then to 8, each lane of 128 bits by itself, and put in order. What is no
  // code, for lack of precision or as NaN, becomes the nearest, or any.
  static constexpr std::size_t code_vectors = 4;
  static void store_codes(std::byte* out, std::size_t i, const __m512 (&codes)[code_vectors]) {
    __m512i whole[code_vectors];
    unrolled<code_vectors>([&](auto k) { whole[k] = _mm512_cvtps_epi32(codes[k]); });
    const __m512i low = _mm512_packs_epi32(whole[0], whole[1]);
    const __m512i high = _mm512_packs_epi32(whole[2], whole[3]);
    const __m512i bytes = _mm512_min_epu8(_mm512_packus_epi16(low, high), _mm512_set1_epi8(most));
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    _mm512_storeu_si512(out + i, _mm512_permutexvar_epi32(order, bytes));
  }
  static void store_codes_part(std::byte* out, std::size_t i, __m512 codes, std::size_t count) {
    const __m512i whole = _mm512_max_epi32(_mm512_cvtps_epi32(codes), _mm512_setzero_si512());
    const __m128i bytes = _mm_min_epu8(_mm512_cvtusepi32_epi8(whole), _mm_set1_epi8(most));
    _mm_mask_storeu_epi8(out + i, Avx512Vectors::mask(count), bytes);
  }

 private:
  static constexpr char most = static_cast<char>(most_levels);
};

}  // namespace
}  // namespace ortembed::kernels
