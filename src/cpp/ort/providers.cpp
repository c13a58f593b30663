// Owns execution providers: which the runtime has, and adding one to a session's options.
#include "ort/providers.h"

#include "ort/handle.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

// Keys and values as the runtime takes them: two arrays of C strings.
struct RawOptions {
  explicit RawOptions(const Provider& provider) {
    for (const auto& [key, value] : provider.options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
};

// CUDA and TensorRT have calls of their own, with the same steps: make options, set them, append, release.
template <class OptionsHandle, class Options>
OrtStatus* append_own(const Api& api, OrtSessionOptions* session, const RawOptions& raw,
                      OrtStatus* (*Api::*create)(Options**),
                      OrtStatus* (*Api::*update)(Options*, const char* const*, const char* const*, std::size_t),
                      OrtStatus* (*Api::*append)(OrtSessionOptions*, const Options*)) {
  Options* made = nullptr;
  if (OrtStatus* status = (api.*create)(&made)) return status;
  const OptionsHandle options(made, {&api});
  if (OrtStatus* status = (api.*update)(made, raw.keys.data(), raw.values.data(), raw.keys.size())) return status;
  return (api.*append)(session, made);
}

OrtStatus* append(const Api& api, OrtSessionOptions* options, const std::string& name, const RawOptions& raw) {
  if (name == "CUDA") {
    return append_own<CudaOptionsHandle>(api, options, raw, &Api::CreateCUDAProviderOptions,
                                         &Api::UpdateCUDAProviderOptions,
                                         &Api::SessionOptionsAppendExecutionProvider_CUDA_V2);
  }
  if (name == "Tensorrt") {
    return append_own<TensorRtOptionsHandle>(api, options, raw, &Api::CreateTensorRTProviderOptions,
                                             &Api::UpdateTensorRTProviderOptions,
                                             &Api::SessionOptionsAppendExecutionProvider_TensorRT_V2);
  }
  return api.SessionOptionsAppendExecutionProvider(options, name.c_str(), raw.keys.data(), raw.values.data(),
                                                   raw.keys.size());
}

}  // namespace

std::vector<std::string> available_providers(const Runtime& runtime) {
  const Api& api = runtime.api();
  constexpr auto code = ErrorCode::runtime_library;
  char** names = nullptr;
  int count = 0;
  check(api, api.GetAvailableProviders(&names, &count), code, "cannot list the execution providers");
  std::vector<std::string> result(names, names + count);
  check(api, api.ReleaseAvailableProviders(names, count), code, "cannot release the list of execution providers");
  return result;
}

void append_provider(const Api& api, OrtSessionOptions* options, const Provider& provider) {
  check(api, append(api, options, provider.name, RawOptions(provider)), ErrorCode::provider_unavailable,
        "cannot use execution provider " + provider.name);
}

}  // namespace ortembed::ort
