// Owns the Python face of a head's steps.
#pragma once

#include <nanobind/nanobind.h>

#include "engine/head.h"

namespace ortembed {

// A class of its own, since nanobind turns a bare variant into its alternatives.
struct NativeHeadStep {
  HeadStep step;
};

void register_head(nanobind::module_& module);

}  // namespace ortembed
