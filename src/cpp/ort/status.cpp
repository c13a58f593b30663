// Owns the turning of a runtime status into a typed error.
#include "ort/status.h"

#include <string>

#include "ort/handle.h"

namespace ortembed::ort {

void check(const Api& api, OrtStatus* status, ErrorCode code, std::string_view what) {
  if (status == nullptr) return;
  const StatusHandle owned(status, {&api});
  throw Error(code, std::string(what) + ": " + api.GetErrorMessage(status));
}

}  // namespace ortembed::ort
