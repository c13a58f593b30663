// Owns the declarations of what the stand-in answers itself: the entry points of table.cpp's list, by their own
// names.
#pragma once

#include "slots.h"

// Out of the lists of entries, so that a definition with another signature does not compile. What is not replaced is
// declared too, and has no definition.
namespace ortembed::stand_in::replaced {

using namespace ort;  // the enums of those signatures

#define STAND_IN_DECLARE(name, slot, result, parameters) result ORTEMBED_ORT_CALL name parameters noexcept;
ORTEMBED_ORT_ENTRIES(STAND_IN_DECLARE)
STAND_IN_ENTRIES(STAND_IN_DECLARE)
ORTEMBED_ORT_ENTRIES_24(STAND_IN_DECLARE)
#undef STAND_IN_DECLARE

}  // namespace ortembed::stand_in::replaced
