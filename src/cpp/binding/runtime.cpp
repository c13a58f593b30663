// Owns the Python face of the runtime library.
#include "binding/runtime.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ort/providers.h"
#include "ort/runtime.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

// With the GIL held, as for an engine: making the environment sets a variable for a moment.
const std::string& runtime_version(const std::filesystem::path& library) {
  return ort::runtime_at(library).library.version;
}

std::vector<std::string> available_providers(const std::filesystem::path& library) {
  return ort::available_providers(ort::runtime_at(library));
}

}  // namespace

void register_runtime(nb::module_& module) {
  module.def("runtime_version", runtime_version, "library"_a,
             "Loads the ONNX Runtime library at an absolute path, as an Engine does, and gives its version, such as\n"
             "'1.31.1'. Raises RuntimeLibraryError.");
  module.def("available_providers", available_providers, "library"_a,
             "Gives the execution providers that the ONNX Runtime library was built with, such as\n"
             "'CPUExecutionProvider', in its order of preference. Raises RuntimeLibraryError.");
}

}  // namespace ortembed
