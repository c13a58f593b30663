// Owns the Python face of the words whose tokens are known.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed {

void register_known_words(nanobind::module_& module);

}  // namespace ortembed
