// Owns the entry points that concern the environment, providers and session options.
#include <algorithm>
#include <cstring>
#include <vector>

#include "coreml.h"
#include "log.h"
#include "real_runtime.h"
#include "records.h"
#include "replaced.h"

namespace ortembed::stand_in {
namespace {

char* copy(const std::string& text) { return strcpy(new char[text.size() + 1], text.c_str()); }

Status check_append(const OptionsRecord& record, const Texts& options) {
  if (has_fault(Fault::append, record.dimensions)) return Status(error_status("the fault append"));
  return check_options(options);
}

}  // namespace

// As it is; but here, so that the product does not take the stand-in for the real runtime by another path.
OrtStatus* replaced::CreateEnv(LogLevel level, const char* name, OrtEnv** out) noexcept {
  return real().api.CreateEnv(level, name, out);
}

OrtStatus* replaced::GetAvailableProviders(char*** out, int* count) noexcept {
  char** names = nullptr;
  int size = 0;
  if (OrtStatus* failed = real().api.GetAvailableProviders(&names, &size)) return failed;
  auto** all = new char*[static_cast<std::size_t>(size) + 1];
  all[0] = copy(coreml_provider);
  std::transform(names, names + size, all + 1, copy);
  *out = all;
  *count = size + 1;
  return real().api.ReleaseAvailableProviders(names, size);
}

OrtStatus* replaced::ReleaseAvailableProviders(char** names, int count) noexcept {
  std::for_each(names, names + count, [](const char* name) { delete[] name; });
  delete[] names;
  return nullptr;
}

OrtStatus* replaced::CreateSessionOptions(OrtSessionOptions** out) noexcept {
  OrtStatus* failed = real().api.CreateSessionOptions(out);
  if (failed == nullptr) options_records().put(*out, std::make_shared<OptionsRecord>());
  return failed;
}

void replaced::ReleaseSessionOptions(OrtSessionOptions* options) noexcept {
  options_records().take(options);
  real().api.ReleaseSessionOptions(options);
}

OrtStatus* replaced::AddFreeDimensionOverrideByName(OrtSessionOptions* options, const char* name,
                                                    std::int64_t size) noexcept {
  OrtStatus* failed = real().api.AddFreeDimensionOverrideByName(options, name, size);
  if (failed == nullptr) options_records().find(options)->dimensions[name] = size;
  return failed;
}

OrtStatus* replaced::AddSessionConfigEntry(OrtSessionOptions* options, const char* key, const char* value) noexcept {
  OrtStatus* failed = real().api.AddSessionConfigEntry(options, key, value);
  if (failed == nullptr) options_records().find(options)->config[key] = value;
  return failed;
}

OrtStatus* replaced::SessionOptionsAppendExecutionProvider(OrtSessionOptions* options, const char* provider,
                                                           const char* const* keys, const char* const* values,
                                                           std::size_t count) noexcept {
  if (std::strcmp(provider, "CoreML") != 0) {
    return real().api.SessionOptionsAppendExecutionProvider(options, provider, keys, values, count);
  }
  Texts given;
  for (std::size_t i = 0; i < count; ++i) given[keys[i]] = values[i];
  const auto record = options_records().find(options);
  Status failed = check_append(*record, given);
  Event("append").add("options", given).add("ok", failed == nullptr);
  if (!failed) record->coreml = given;
  return failed.release();
}

}  // namespace ortembed::stand_in
