// Owns the kernels for AVX2 with AVX-VNNI, and its products of int8.
#include "kernels/generic/table.h"
#include "kernels/targets/avx2.h"
#include "kernels/targets/avx2_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// uint8 by int8 in fours: vpdpbusd.
struct AvxVnniInt8Dot {
  static constexpr bool has_codes = true;
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t vector_bytes = 32;
  static constexpr std::size_t values_per_cell = 4;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 2;
  static constexpr float levels = 255;
  static constexpr float first_code_steps = 0;
  static constexpr std::size_t most_inputs = (1U << 31) / (255 * 128);
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
  // Written out for GCC, which before version 13 copies the sum to and fro around the intrinsic.
  static Sum add(Sum sum, Row row, Weight weight) {
#if defined(__GNUC__)
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(row), "x"(weight));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, row, weight);
#endif
  }
  static void store(Value* out, Sum sum) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sum); }

  static __m128i rounded(__m256 codes) {
    const __m256i whole = _mm256_cvtps_epi32(codes);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    return _mm_packus_epi16(words, words);
  }
  static void store_codes(std::byte* out, std::size_t i, __m256 codes) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i), rounded(codes));
  }
  static void store_codes_part(std::byte* out, std::size_t i, __m256 codes, std::size_t count) {
    alignas(16) std::byte bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), rounded(codes));
    std::memcpy(out + i, bytes, count);
  }
};

struct AvxVnni : Avx2Vectors {
  using FloatElement = Avx2FloatElement;
  using Int8Dot = AvxVnniInt8Dot;
  using Bfloat16Dot = Avx2WideningDot;
  using AttentionDot = Avx2FloatDot;
};

constexpr KernelTable table = make_table<AvxVnni>(Isa::avx_vnni);

}  // namespace

const KernelTable& avx_vnni_table() { return table; }

}  // namespace ortembed::kernels
