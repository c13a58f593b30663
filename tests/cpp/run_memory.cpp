// Owns the view of the memory that runs work in: blocks are their addresses.
#include "ort/run_memory.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

// Writes the whole block, so that a sanitizer sees where one ends too soon.
std::uintptr_t take(ort::RunMemory& memory, std::size_t size) {
  void* const block = memory.take(size);
  if (block != nullptr) std::memset(block, 1, size);
  return reinterpret_cast<std::uintptr_t>(block);
}

void give_back(std::uintptr_t block) { ort::RunMemory::give_back(reinterpret_cast<void*>(block)); }

}  // namespace

void register_run_memory(nb::module_& module) {
  nb::class_<ort::RunMemory>(module, "RunMemory")
      .def(nb::init<>())
      .def("take", take, "size"_a)
      .def_static("give_back", give_back, "block"_a)
      .def("trim", &ort::RunMemory::trim)
      .def_prop_ro("kept", &ort::RunMemory::kept);
  module.def("take_alone",
             [](std::size_t size) { return reinterpret_cast<std::uintptr_t>(ort::RunMemory::take_alone(size)); });
}

}  // namespace ortembed::testing
