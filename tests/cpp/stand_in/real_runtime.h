// Owns the real runtime behind the stand-in: its library, its function table, and error statuses made by it.
#pragma once

#include <memory>
#include <string>

#include "slots.h"

namespace ortembed::stand_in {

using AnyFunction = void(ORTEMBED_ORT_CALL*)();

struct RealRuntime {
  const ort::ApiBase* base = nullptr;
  const AnyFunction* table = nullptr;
  std::size_t slots = 0;
  std::uint32_t version = 0;  // 24 for "1.24.3"
  ort::Api api;               // without the entries on assignment where the version has none
  MoreApi more;
};

// Opened at the first call, from the path in STAND_IN_RUNTIME; never closed.
const RealRuntime& real();

OrtStatus* error_status(const std::string& message);

struct StatusReleaser {
  void operator()(OrtStatus* status) const { real().api.ReleaseStatus(status); }
};
using Status = std::unique_ptr<OrtStatus, StatusReleaser>;  // null is success

// For mistakes in a test's set-up, which no caller may take for a fault of the runtime.
[[noreturn]] void die(const std::string& message);

}  // namespace ortembed::stand_in
