// Owns the way from an instruction set to its table of kernels.
#include "kernels/kernel_table.h"

#include <stdexcept>
#include <string>

#include "kernels/cpu.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

const KernelTable* find_table(Isa isa) {
  if (isa == Isa::plain) return &plain_table();
#if defined(__x86_64__) || defined(_M_X64)
  if (isa == Isa::avx2) return &avx2_table();
  if (isa == Isa::avx512) return &avx512_table();
  if (isa == Isa::avx_vnni) return &avx_vnni_table();
  if (isa == Isa::avx512_vnni) return &avx512_vnni_table();
  if (isa == Isa::avx512_bf16) return &avx512_bf16_table();
#elif defined(__aarch64__)
  if (isa == Isa::neon_dot) return &neon_dot_table();
  if (isa == Isa::neon_i8mm) return &neon_i8mm_table();
#endif
  return nullptr;
}

}  // namespace

bool is_compiled_in(Isa isa) { return find_table(isa) != nullptr; }

const KernelTable& kernels_of(Isa isa) {
  if (const KernelTable* table = find_table(isa)) return *table;
  throw std::logic_error("there are no kernels for " + std::string(name(isa)));
}

}  // namespace ortembed::kernels
