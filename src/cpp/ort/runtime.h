// Owns the runtime of this process: a loaded library with its environment, made once per library path.
#pragma once

#include <filesystem>

#include "ort/library.h"

namespace ortembed::ort {

struct Runtime {
  Library library;
  OrtEnv* environment;
  bool has_allocator;  // of ours, which sessions may ask for

  const Api& api() const { return library.api; }
};

// Loads the library at an absolute path and makes its environment, with telemetry off, on the first call with
// that path; later calls give the same object. It lives until the process ends. Thread-safe.
// Throws Error(runtime_library).
const Runtime& runtime_at(const std::filesystem::path& path);

}  // namespace ortembed::ort
