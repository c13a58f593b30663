// Owns the settings that every session is made with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ort/handle.h"
#include "ort/providers.h"
#include "ort/runtime.h"

namespace ortembed::ort {

struct SessionSettings {
  int threads = 1;                       // intra-op threads; the runtime's own default ignores affinity and cgroups
  std::vector<Provider> providers = {};  // in order of preference; the CPU takes what they leave
  std::filesystem::path compiled = {};   // a folder for what they compile; none where it is empty
  std::vector<std::pair<std::string, std::int64_t>> dimensions = {};  // sizes of the graph's open dimensions, by name

  // With anything but the CPU's defaults, nodes and weights may lie elsewhere, so sessions share nothing.
  bool is_plain() const { return providers.empty() && dimensions.empty(); }
};

// Throws Error(model_load), or Error(provider_unavailable) for one that cannot be had.
SessionOptionsHandle make_session_options(const Runtime& runtime, const SessionSettings& settings);

}  // namespace ortembed::ort
