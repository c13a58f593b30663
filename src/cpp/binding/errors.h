// Owns the table that pairs each error code with its Python class.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed {

// Adds the exception classes to the module and translates every Error into the class of its code.
void register_errors(nanobind::module_& module);

// The same for a second extension, which raises the classes that the first one made.
void adopt_errors(nanobind::handle first);

// The text of an object, with escapes for what is no Unicode. With the GIL held.
std::string text_of(nanobind::handle object);

}  // namespace ortembed
