// Owns the settings that every session is made with.
#include "ort/session_options.h"

#include <algorithm>

#include "base/text.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr std::uint32_t first_with_spin_limit = 26;

constexpr auto coreml = "CoreML";

// On CPU the fused operator is several times slower than Add and LayerNormalization apart. CoreML's provider writes
// the weights of a Gemm into the program's text, several times their size (onnxruntime#32212); those of a MatMul not.
const char* disabled_optimizers(const SessionSettings& settings) {
  const bool has_coreml = std::ranges::find(settings.providers, coreml, &Provider::name) != settings.providers.end();
  return has_coreml ? "SkipLayerNormFusion;MatMulAddFusion" : "SkipLayerNormFusion";
}

// CoreML is the one that we know to keep what it compiles.
Provider with_folder(Provider provider, const SessionSettings& settings) {
  if (provider.name == coreml && !settings.compiled.empty()) {
    provider.options.emplace_back("ModelCacheDirectory", utf8(settings.compiled));
  }
  return provider;
}

}  // namespace

SessionOptionsHandle make_session_options(const Runtime& runtime, const SessionSettings& settings) {
  const Api& api = runtime.api();
  constexpr auto code = ErrorCode::model_load;
  OrtSessionOptions* raw = nullptr;
  check(api, api.CreateSessionOptions(&raw), code, "cannot make session options");
  SessionOptionsHandle options(raw, {&api});
  const auto apply = [&](OrtStatus* status) { check(api, status, code, "cannot set session options"); };
  apply(api.SetIntraOpNumThreads(raw, settings.threads));
  apply(api.SetInterOpNumThreads(raw, 1));
  apply(api.SetSessionGraphOptimizationLevel(raw, OptimizationLevel::all));
  // Patterns are cached for each input shape and never evicted; our shapes vary from call to call.
  apply(api.DisableMemPattern(raw));
  if (runtime.has_allocator) apply(api.AddSessionConfigEntry(raw, "session.use_env_allocators", "1"));
  apply(api.AddSessionConfigEntry(raw, "optimization.disable_specified_optimizers", disabled_optimizers(settings)));
  // Threads wait for the next operator, and for a next query that comes at once, without sleeping, but never for
  // long: an idle process takes no CPU time, and other processes on the same cores slow a run down less. Runtimes
  // that know no limit are told not to wait beyond the run.
  if (runtime.library.api_version >= first_with_spin_limit) {
    apply(api.AddSessionConfigEntry(raw, "session.intra_op.spin_duration_us", "200"));
  } else {
    apply(api.AddSessionConfigEntry(raw, "session.force_spinning_stop", "1"));
  }
  for (const auto& [name, size] : settings.dimensions) {
    apply(api.AddFreeDimensionOverrideByName(raw, name.c_str(), size));
  }
  if (!settings.is_plain() && api.Session_GetEpGraphAssignmentInfo != nullptr) {
    apply(api.AddSessionConfigEntry(raw, "session.record_ep_graph_assignment_info", "1"));
  }
  for (const Provider& provider : settings.providers) append_provider(api, raw, with_folder(provider, settings));
  return options;
}

}  // namespace ortembed::ort
