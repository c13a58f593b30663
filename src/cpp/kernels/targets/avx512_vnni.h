// Owns AVX-512's products of int8 with VNNI.
#pragma once

#include "kernels/targets/avx512_bytes.h"

namespace ortembed::kernels {
namespace {

struct Avx512VnniInt8Dot : Avx512ByteDot<255> {
  static constexpr std::size_t tile_rows = 6;
  // Written out for GCC, which before version 13 copies the sum to and fro around the intrinsic.
  static Sum add(Sum sum, Row row, Weight weight) {
#if defined(__GNUC__)
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(row), "v"(weight));
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, row, weight);
#endif
  }
};

}  // namespace
}  // namespace ortembed::kernels
