// Owns finding the runtime's function table in its shared library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "ort/abi.h"

namespace ortembed::ort {

struct Library {
  Api api;
  std::string version;        // for example "1.31.1"
  std::uint32_t api_version;  // then 31
};

// Opens the library at an absolute path, its symbols local, and binds the entry points. The library stays
// open until the process ends: its threads and static data make closing it unsafe.
// Throws Error(runtime_library) when the file is missing, is not ONNX Runtime, or is below the floor.
Library open_library(const std::filesystem::path& path);

}  // namespace ortembed::ort
