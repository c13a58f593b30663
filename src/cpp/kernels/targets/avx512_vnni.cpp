// Owns the kernels for AVX-512 with VNNI, and without BF16.
#include "kernels/targets/avx512_vnni.h"

#include "kernels/generic/table.h"
#include "kernels/targets/avx512_float.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

struct Avx512Vnni : Avx512Vectors {
  using FloatElement = Avx512FloatDot;
  using Int8Dot = Avx512VnniInt8Dot;
  using Bfloat16Dot = Avx512WideningDot;
  using AttentionDot = Avx512FloatDot;
};

constexpr KernelTable table = make_table<Avx512Vnni>(Isa::avx512_vnni);

}  // namespace

const KernelTable& avx512_vnni_table() { return table; }

}  // namespace ortembed::kernels
