// Owns the Python face of the runtime library, and of the instruction sets of our own operators.
#include "binding/runtime.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/isa.h"
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

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const kernels::Isa isa : kernels::available_isas()) names.emplace_back(kernels::name(isa));
  return names;
}

std::string chosen_isa() { return std::string(kernels::name(kernels::chosen_isa())); }

}  // namespace

void register_runtime(nb::module_& module) {
  module.def("runtime_version", runtime_version, "library"_a,
             "Loads the ONNX Runtime library at an absolute path, as an Engine does, and gives its version, such as\n"
             "'1.31.1'. Raises RuntimeLibraryError.");
  module.def("available_providers", available_providers, "library"_a,
             "Gives the execution providers that the ONNX Runtime library was built with, such as\n"
             "'CPUExecutionProvider', in its order of preference. Raises RuntimeLibraryError.");
  module.def("available_isas", available_isas,
             "Gives the instruction sets of this machine that ortembed's own operators are built for, the fastest\n"
             "first; 'plain' is the last.");
  module.def(
      "chosen_isa", chosen_isa,
      "Gives the instruction set that they use: the one that ORTEMBED_ISA names, read at the first call, else\n"
      "the fastest. Raises InvalidInputError.");
}

}  // namespace ortembed
