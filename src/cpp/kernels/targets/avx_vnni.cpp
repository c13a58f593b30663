// Owns the kernels for AVX2 with AVX-VNNI, and its products of int8.
#include "kernels/generic/table.h"
#include "kernels/targets/avx2.h"
#include "kernels/targets/avx2_bytes.h"
#include "kernels/targets/avx2_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

struct AvxVnniInt8Dot : Avx2ByteDot<255> {
  static constexpr std::size_t tile_rows = 6;
  // Written out for GCC, which before version 13 copies the sum to and fro around the intrinsic.
  static Sum add(Sum sum, Row row, Weight weight) {
#if defined(__GNUC__)
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(row), "x"(weight));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, row, weight);
#endif
  }
};

struct AvxVnni : Avx2Vectors {
  using FloatElement = Avx2FloatDot;
  using Int8Dot = AvxVnniInt8Dot;
  using Bfloat16Dot = Avx2WideningDot;
  using AttentionDot = Avx2FloatDot;
};

constexpr KernelTable table = make_table<AvxVnni>(Isa::avx_vnni);

}  // namespace

const KernelTable& avx_vnni_table() { return table; }

}  // namespace ortembed::kernels
