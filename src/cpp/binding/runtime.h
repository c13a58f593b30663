// Owns the Python face of the runtime library, and of the instruction sets of our own operators.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed {

void register_runtime(nanobind::module_& module);

}  // namespace ortembed
