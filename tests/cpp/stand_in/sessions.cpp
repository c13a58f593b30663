// Owns the entry points that make sessions and release them.
#include <functional>
#include <string_view>

#include "coreml.h"
#include "log.h"
#include "real_runtime.h"
#include "records.h"
#include "replaced.h"

namespace ortembed::stand_in {
namespace {

using Create = std::function<OrtStatus*(OrtSession**)>;

// Tells models apart in a cache.
std::string key_of(std::string_view model) { return "model" + std::to_string(std::hash<std::string_view>()(model)); }

Status check_faults(const OptionsRecord& options, bool cache_was_empty) {
  if (has_fault(Fault::session, options.dimensions)) return Status(error_status("the fault session"));
  if (!cache_was_empty && has_fault(Fault::stale_cache, options.dimensions)) {
    return Status(error_status("the fault stale-cache"));
  }
  return nullptr;
}

Status create_coreml(const OptionsRecord& options, const std::string& key, bool cache_was_empty, const Create& create,
                     OrtSession** out) {
  if (Status failed = check_faults(options, cache_was_empty)) return failed;
  if (Status failed{create(out)}) return failed;
  Status failed = compile(*out, options, key);
  if (failed) {
    real().api.ReleaseSession(*out);
    *out = nullptr;
  }
  return failed;
}

OrtStatus* make_session(const OrtSessionOptions* options_object, std::string_view model, OrtSession** out,
                        const Create& create) {
  static std::atomic<std::int64_t> last_id = 0;
  const OptionsRecord options = *options_records().find(options_object);
  auto session = std::make_shared<SessionRecord>();
  session->id = ++last_id;
  session->coreml = options.coreml.has_value();
  session->dimensions = options.dimensions;
  const std::string cache = cache_directory(options);
  const bool cache_was_empty = is_empty(cache);
  Status failed =
      session->coreml ? create_coreml(options, key_of(model), cache_was_empty, create, out) : Status(create(out));
  Event event("session");
  event.add("id", session->id).add("coreml", session->coreml).add("dimensions", options.dimensions);
  event.add("config", options.config).add("cache", cache).add("cache_was_empty", cache_was_empty);
  event.add("ok", failed == nullptr);
  if (!failed) session_records().put(*out, session);
  return failed.release();
}

std::string_view bytes(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

}  // namespace

OrtStatus* replaced::CreateSession(const OrtEnv* environment, const PathChar* path, const OrtSessionOptions* options,
                                   OrtSession** out) noexcept {
  return make_session(options, path, out, [=](OrtSession** session) {
    return real().api.CreateSession(environment, path, options, session);
  });
}

OrtStatus* replaced::CreateSessionFromArray(const OrtEnv* environment, const void* data, std::size_t size,
                                            const OrtSessionOptions* options, OrtSession** out) noexcept {
  return make_session(options, bytes(data, size), out, [=](OrtSession** session) {
    return real().more.CreateSessionFromArray(environment, data, size, options, session);
  });
}

OrtStatus* replaced::CreateSessionWithPrepackedWeightsContainer(const OrtEnv* environment, const PathChar* path,
                                                                const OrtSessionOptions* options,
                                                                OrtPrepackedWeightsContainer* weights,
                                                                OrtSession** out) noexcept {
  return make_session(options, path, out, [=](OrtSession** session) {
    return real().api.CreateSessionWithPrepackedWeightsContainer(environment, path, options, weights, session);
  });
}

OrtStatus* replaced::CreateSessionFromArrayWithPrepackedWeightsContainer(const OrtEnv* environment, const void* data,
                                                                         std::size_t size,
                                                                         const OrtSessionOptions* options,
                                                                         OrtPrepackedWeightsContainer* weights,
                                                                         OrtSession** out) noexcept {
  return make_session(options, bytes(data, size), out, [=](OrtSession** session) {
    return real().more.CreateSessionFromArrayWithPrepackedWeightsContainer(environment, data, size, options, weights,
                                                                           session);
  });
}

void replaced::ReleaseSession(OrtSession* session) noexcept {
  if (const auto record = session_records().take(session)) Event("release").add("id", record->id);
  real().api.ReleaseSession(session);
}

}  // namespace ortembed::stand_in
