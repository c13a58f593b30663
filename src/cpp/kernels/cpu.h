// Owns what this machine's CPU can do, and what was compiled for it.
#pragma once

#include "kernels/isa.h"

namespace ortembed::kernels {

// Whether this CPU has the instructions, and the system keeps their registers.
bool cpu_has(Isa isa);

bool is_compiled_in(Isa isa);

}  // namespace ortembed::kernels
