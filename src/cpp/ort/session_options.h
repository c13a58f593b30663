// Owns the settings that every session is made with.
#pragma once

#include "ort/handle.h"
#include "ort/runtime.h"

namespace ortembed::ort {

struct SessionSettings {
  int threads = 1;  // intra-op threads; the runtime's own default ignores affinity and cgroups
};

// Throws Error(model_load).
SessionOptionsHandle make_session_options(const Runtime& runtime, const SessionSettings& settings);

}  // namespace ortembed::ort
