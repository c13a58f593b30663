// Owns the kernels for AVX2 with FMA, and its products of int8.
#include "kernels/targets/avx2.h"

#include "kernels/generic/table.h"
#include "kernels/targets/avx2_bytes.h"
#include "kernels/targets/avx2_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// vpmaddubsw adds pairs of products in 16 bits, where 2 * 128 * 128 is just not too much: with codes of 7 bits the
// sums are exact. Codes of 10 bits in int16 (vpmaddwd alone) would be nearer to x, and are slower: by a fifth on Zen
// 5, by two fifths on Skylake.
struct Avx2Int8Dot : Avx2ByteDot<128> {
  static constexpr std::size_t tile_rows = 5;
  static Sum add(Sum sum, Row row, Weight weight) {
    const __m256i pairs = _mm256_maddubs_epi16(row, weight);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

struct Avx2 : Avx2Vectors {
  using FloatElement = Avx2FloatDot;
  using Int8Dot = Avx2Int8Dot;
  using Bfloat16Dot = Avx2WideningDot;
  using AttentionDot = Avx2FloatDot;
};

constexpr KernelTable table = make_table<Avx2>(Isa::avx2);

}  // namespace

const KernelTable& avx2_table() { return table; }

}  // namespace ortembed::kernels
