// Owns the table that pairs each error code with its Python class.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed {

// Adds the exception classes to the module and translates every Error into the class of its code.
void register_errors(nanobind::module_& module);

}  // namespace ortembed
