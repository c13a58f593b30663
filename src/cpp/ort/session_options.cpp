// Owns the settings that every session is made with.
#include "ort/session_options.h"

#include "ort/status.h"

namespace ortembed::ort {

SessionOptionsHandle make_session_options(const Api& api, const SessionSettings& settings) {
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
  // On CPU the fused operator is several times slower than Add and LayerNormalization apart.
  apply(api.AddSessionConfigEntry(raw, "optimization.disable_specified_optimizers", "SkipLayerNormFusion"));
  // Threads stop spinning when a run ends, so that an idle process takes no CPU time.
  apply(api.AddSessionConfigEntry(raw, "session.force_spinning_stop", "1"));
  return options;
}

}  // namespace ortembed::ort
