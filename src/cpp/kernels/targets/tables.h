// Owns the names of the tables that were compiled in, one for each instruction set of this architecture.
#pragma once

#include "kernels/kernel_table.h"

namespace ortembed::kernels {

const KernelTable& plain_table();
#if defined(__x86_64__) || defined(_M_X64)
const KernelTable& avx2_table();
const KernelTable& avx512_table();
const KernelTable& avx_vnni_table();
const KernelTable& avx512_vnni_table();
const KernelTable& avx512_bf16_table();
#elif defined(__aarch64__)
const KernelTable& neon_dot_table();
const KernelTable& neon_i8mm_table();
#endif

}  // namespace ortembed::kernels
