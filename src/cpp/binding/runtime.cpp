// Owns the Python face of the runtime library.
#include "binding/runtime.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <filesystem>
#include <string>

#include "ort/runtime.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

// With the GIL held, as for an engine: making the environment sets a variable for a moment.
const std::string& runtime_version(const std::filesystem::path& library) {
  return ort::runtime_at(library).library.version;
}

}  // namespace

void register_runtime(nb::module_& module) {
  module.def("runtime_version", runtime_version, "library"_a,
             "Loads the ONNX Runtime library at an absolute path, as an Engine does, and gives its version, such as\n"
             "'1.31.1'. Raises RuntimeLibraryError.");
}

}  // namespace ortembed
