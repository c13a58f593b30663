// Owns the kernels for AVX2 with FMA, and its products of int8.
#include "kernels/targets/avx2.h"

#include "kernels/generic/table.h"
#include "kernels/targets/avx2_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// int16 by int16 in pairs (vpmaddwd), weights widened as they are read. The products of bytes that AVX2 has
// (vpmaddubsw) saturate unless codes have 7 bits; here they have room for more than 8.
struct Avx2Int8Dot {
  static constexpr bool has_codes = true;
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t vector_bytes = 16;
  static constexpr std::size_t values_per_cell = 2;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 2;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 2;
  static constexpr float levels = 1023;
  static constexpr float first_code_steps = 0;
  static constexpr std::size_t most_inputs = (1U << 31) / (1023 * 128);
  using Sum = __m256i;
  using Weight = __m256i;
  using Row = __m256i;
  using Value = std::int32_t;

  static Sum zero() { return _mm256_setzero_si256(); }
  static Weight load(const std::byte* x) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  }
  static Row broadcast(const std::byte* x) {
    std::int32_t cell;
    std::memcpy(&cell, x, sizeof cell);
    return _mm256_set1_epi32(cell);
  }
  static Sum add(Sum sum, Row row, Weight weight) { return _mm256_add_epi32(sum, _mm256_madd_epi16(row, weight)); }
  static void store(Value* out, Sum sum) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sum); }

  static __m128i rounded(__m256 codes) {
    const __m256i whole = _mm256_cvtps_epi32(codes);
    return _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  }
  static void store_codes(std::byte* out, std::size_t i, __m256 codes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * i), rounded(codes));
  }
  static void store_codes_part(std::byte* out, std::size_t i, __m256 codes, std::size_t count) {
    alignas(16) std::byte bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), rounded(codes));
    std::memcpy(out + 2 * i, bytes, 2 * count);
  }
};

struct Avx2 : Avx2Vectors {
  using FloatElement = Avx2FloatElement;
  using Int8Dot = Avx2Int8Dot;
  using Bfloat16Dot = Avx2WideningDot;
  using AttentionDot = Avx2FloatDot;
};

constexpr KernelTable table = make_table<Avx2>(Isa::avx2);

}  // namespace

const KernelTable& avx2_table() { return table; }

}  // namespace ortembed::kernels
