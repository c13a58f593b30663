// Owns the runtime of this process: a loaded library with its environment, made once per library path.
#include "ort/runtime.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ort/allocator.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

// Sets an environment variable for a scope. The runtime reads this one once, inside its first CreateEnv, and
// latches it; the caller's environment is then put back as it was.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~ScopedVariable() { set(before_ ? before_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void set(const char* value) {
#ifdef _WIN32
    _putenv_s(name_, value ? value : "");
#else
    if (value) {
      setenv(name_, value, 1);
    } else {
      unsetenv(name_);
    }
#endif
  }

  const char* name_;
  std::optional<std::string> before_;
};

using Runtimes = std::map<std::filesystem::path, std::shared_ptr<const Runtime>>;

std::shared_ptr<const Runtime> make_runtime(const std::filesystem::path& path, const Runtimes& others) {
  const ScopedVariable no_telemetry("ORT_DISABLE_TELEMETRY", "1");
  auto runtime = std::make_shared<Runtime>(Runtime{open_library(path), nullptr, false});
  for (const auto& [name, other] : others) {  // one library by two paths has one environment, with one allocator
    if (other->api().CreateEnv == runtime->api().CreateEnv) return other;
  }
  const Api& api = runtime->api();
  constexpr auto code = ErrorCode::runtime_library;
  // Every failure reaches the caller as a typed error, so the runtime's own log lines would only repeat it.
  check(api, api.CreateEnv(LogLevel::fatal, "ortembed", &runtime->environment), code,
        "cannot make the ONNX Runtime environment");
  check(api, api.DisableTelemetryEvents(runtime->environment), code, "cannot switch telemetry events off");
  runtime->has_allocator = register_allocator(api, runtime->environment);
  return runtime;
}

}  // namespace

const Runtime& runtime_at(const std::filesystem::path& path) {
  // Never destroyed: worker threads of a session may outlive static destruction.
  static auto& runtimes = *new Runtimes;
  static auto& mutex = *new std::mutex;
  const std::lock_guard lock(mutex);
  auto found = runtimes.find(path);
  if (found == runtimes.end()) found = runtimes.emplace(path, make_runtime(path, runtimes)).first;
  return *found->second;
}

}  // namespace ortembed::ort
