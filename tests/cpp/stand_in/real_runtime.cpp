// Owns opening the real runtime and binding its function table.
#include "real_runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace ortembed::stand_in {
namespace {

const ort::ApiBase* open_base() {
  const char* path = std::getenv("STAND_IN_RUNTIME");
  if (path == nullptr) die("STAND_IN_RUNTIME does not name the real runtime's library");
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) die(std::string("cannot open the real runtime: ") + dlerror());
  using GetApiBase = const ort::ApiBase*(ORTEMBED_ORT_CALL*)();
  const auto get_base = reinterpret_cast<GetApiBase>(dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) die(std::string(path) + " does not export OrtGetApiBase");
  return get_base();
}

RealRuntime open_runtime() {
  RealRuntime runtime;
  runtime.base = open_base();
  const char* version = runtime.base->GetVersionString();
  if (std::sscanf(version, "1.%u.", &runtime.version) != 1 || runtime.version < ort::floor_api_version) {
    die(std::string("cannot stand in for version ") + version);
  }
  runtime.table = reinterpret_cast<const AnyFunction*>(runtime.base->GetApi(ort::floor_api_version));
  const std::size_t newer = runtime.version - ort::floor_api_version;
  runtime.slots = table_sizes[std::min(newer, std::size(table_sizes) - 1)];
#define STAND_IN_BIND(target, name, slot) \
  runtime.target.name = reinterpret_cast<decltype(runtime.target.name)>(runtime.table[slot]);
#define STAND_IN_BIND_API(name, slot, result, parameters) STAND_IN_BIND(api, name, slot)
#define STAND_IN_BIND_MORE(name, slot, result, parameters) STAND_IN_BIND(more, name, slot)
  ORTEMBED_ORT_ENTRIES(STAND_IN_BIND_API)
  STAND_IN_ENTRIES(STAND_IN_BIND_MORE)
  if (runtime.version >= first_with_assignment) {
    ORTEMBED_ORT_ENTRIES_24(STAND_IN_BIND_API)
  }
#undef STAND_IN_BIND_MORE
#undef STAND_IN_BIND_API
#undef STAND_IN_BIND
  return runtime;
}

}  // namespace

const RealRuntime& real() {
  static const RealRuntime runtime = open_runtime();
  return runtime;
}

OrtStatus* error_status(const std::string& message) {
  return real().api.CreateStatus(ort::StatusCode::fail, ("stand-in: " + message).c_str());
}

void die(const std::string& message) {
  std::fprintf(stderr, "stand-in: %s\n", message.c_str());
  std::abort();
}

}  // namespace ortembed::stand_in
