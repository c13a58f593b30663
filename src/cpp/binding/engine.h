// Owns the Python face of the engine.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed {

void register_engine(nanobind::module_& module);

}  // namespace ortembed
