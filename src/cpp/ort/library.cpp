// Owns finding the runtime's function table in its shared library.
#include "ort/library.h"

#include <charconv>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ortembed::ort {
namespace {

#ifdef _WIN32
void* open_shared(const std::filesystem::path& path, std::string& reason) {
  HMODULE module = LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (module == nullptr) reason = "Windows error " + std::to_string(GetLastError());
  return module;
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
void* open_shared(const std::filesystem::path& path, std::string& reason) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) reason = dlerror();
  return library;
}

void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
#endif

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw Error(ErrorCode::runtime_library, "ONNX Runtime library " + utf8(path) + ": " + reason);
}

// "1.31.1" has API version 31; 0 when the text is not of that form.
std::uint32_t api_version(std::string_view version) {
  if (!version.starts_with("1.")) return 0;
  std::uint32_t minor = 0;
  std::from_chars(version.data() + 2, version.data() + version.size(), minor);
  return minor;
}

Api bind(const OrtApi* table, std::uint32_t version) {
  using AnyFunction = void (*)();
  const auto* slots = reinterpret_cast<const AnyFunction*>(table);
  Api api;
#define ORTEMBED_ORT_BIND(name, slot, result, parameters) \
  api.name = reinterpret_cast<decltype(api.name)>(slots[slot]);
  ORTEMBED_ORT_ENTRIES(ORTEMBED_ORT_BIND)
  if (version >= 24) {
    ORTEMBED_ORT_ENTRIES_24(ORTEMBED_ORT_BIND)
  }
#undef ORTEMBED_ORT_BIND
  return api;
}

}  // namespace

Library open_library(const std::filesystem::path& path) {
  if (!path.is_absolute()) fail(path, "the path is not absolute");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) fail(path, "no such file");
  std::string reason;
  void* library = open_shared(path, reason);
  if (library == nullptr) fail(path, "cannot be opened (" + reason + ")");
  using GetApiBase = const ApiBase*(ORTEMBED_ORT_CALL*)();
  const auto get_base = reinterpret_cast<GetApiBase>(find_symbol(library, "OrtGetApiBase"));
  if (get_base == nullptr) fail(path, "does not export OrtGetApiBase, so it is not ONNX Runtime");
  const ApiBase* base = get_base();
  const std::string version = base->GetVersionString();
  const std::string floor = "1." + std::to_string(floor_api_version);
  // Asking GetApi for a version above the runtime's own makes it print to stderr, so compare first.
  const std::uint32_t offered = api_version(version);
  if (offered < floor_api_version) {
    fail(path, "version " + version + " is too old; ortembed needs " + floor + " or newer");
  }
  const OrtApi* table = base->GetApi(floor_api_version);
  if (table == nullptr) fail(path, "version " + version + " does not offer API version " + floor);
  return {bind(table, offered), version, offered};
}

}  // namespace ortembed::ort
