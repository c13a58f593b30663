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
  // Threads wait for the next operator without sleeping, but never for long, and not at all once the run has ended:
  // an idle process takes no CPU time, and other processes on the same cores slow a run down less. Runtimes
  // before 1.26 do not know the second entry and ignore it.
  apply(api.AddSessionConfigEntry(raw, "session.force_spinning_stop", "1"));
  apply(api.AddSessionConfigEntry(raw, "session.intra_op.spin_duration_us", "200"));
  return options;
}

}  // namespace ortembed::ort
