// Owns the turning of a runtime status into a typed error.
#pragma once

#include <string_view>

#include "base/error.h"
#include "ort/abi.h"

namespace ortembed::ort {

// Throws Error(code, "<what>: <the runtime's message>") unless the status is null (success); frees the status.
void check(const Api& api, OrtStatus* status, ErrorCode code, std::string_view what);

}  // namespace ortembed::ort
