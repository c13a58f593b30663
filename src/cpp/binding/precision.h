// Owns the Python face of the precisions: quantizing vectors, and the ranges that it needs.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <optional>

#include "engine/precision.h"

namespace ortembed {

// A copy of the ranges, float32 [2, dimensions]; nothing where the precision takes none. Throws
// Error(invalid_input) where it does and they are None, or do not fit.
std::optional<ValueRanges> read_ranges(nanobind::handle object, Precision precision, std::size_t dimensions);

void register_precision(nanobind::module_& module);

}  // namespace ortembed
