// Owns the kernels for AVX-512 without VNNI, and its products of int8.
#include "kernels/generic/table.h"
#include "kernels/targets/avx512_bytes.h"
#include "kernels/targets/avx512_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// Codes of 7 bits, for the reason that avx2.cpp tells.
struct Avx512Int8Dot : Avx512ByteDot<128> {
  static constexpr std::size_t tile_rows = 5;  // 6 are no faster, and leave the compiler no register
  static Sum add(Sum sum, Row row, Weight weight) {
    const __m512i pairs = _mm512_maddubs_epi16(row, weight);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
};

struct Avx512 : Avx512Vectors {
  using FloatElement = Avx512FloatDot;
  using Int8Dot = Avx512Int8Dot;
  using Bfloat16Dot = Avx512WideningDot;
  using AttentionDot = Avx512FloatDot;
};

constexpr KernelTable table = make_table<Avx512>(Isa::avx512);

}  // namespace

const KernelTable& avx512_table() { return table; }

}  // namespace ortembed::kernels
