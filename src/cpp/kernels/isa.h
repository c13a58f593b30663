// Owns the list of instruction sets that there are kernels for, and the choice among them.
#pragma once

#include <span>
#include <string_view>

namespace ortembed::kernels {

// Each is one set of kernels, named by the instructions that set it apart. The order is no ranking across
// architectures; within one, later is faster.
enum class Isa { plain, avx2, avx512, avx_vnni, avx512_vnni, avx512_bf16, neon_dot, neon_i8mm };

// "plain", "avx2" ...: as ORTEMBED_ISA spells them.
std::string_view name(Isa isa);

// Those that were compiled in and that this machine has, the fastest first; plain is always there, and last.
std::span<const Isa> available_isas();

// The one that ORTEMBED_ISA names, else the fastest; read at the first call. Thread-safe.
// Throws Error(invalid_input) when the variable names none that is available.
Isa chosen_isa();

}  // namespace ortembed::kernels
