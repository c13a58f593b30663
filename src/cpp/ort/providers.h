// Owns execution providers: which the runtime has, and adding one to a session's options.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ort/runtime.h"

namespace ortembed::ort {

struct Provider {
  std::string name;  // without "ExecutionProvider", as the runtime's call to append one wants it
  std::vector<std::pair<std::string, std::string>> options;
};

// The names of those that the library was built with, in the runtime's order of preference. Which of them work on
// this machine shows only when one is used. Throws Error(runtime_library).
std::vector<std::string> available_providers(const Runtime& runtime);

// Throws Error(provider_unavailable) with what the runtime says: not in this build, or an option that it refuses.
void append_provider(const Api& api, OrtSessionOptions* options, const Provider& provider);

}  // namespace ortembed::ort
