// Owns the kernels for AVX-512 with VNNI and BF16.
#include "kernels/targets/avx512_bf16.h"

#include "kernels/generic/table.h"
#include "kernels/targets/avx512_float.h"
#include "kernels/targets/avx512_vnni.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

struct Avx512Bf16 : Avx512Vectors {
  using FloatElement = Avx512FloatDot;
  using Int8Dot = Avx512VnniInt8Dot;
  using Bfloat16Dot = Avx512Bfloat16Dot;
  using AttentionDot = Avx512Bfloat16Dot;
};

constexpr KernelTable table = make_table<Avx512Bf16>(Isa::avx512_bf16);

}  // namespace

const KernelTable& avx512_bf16_table() { return table; }

}  // namespace ortembed::kernels
