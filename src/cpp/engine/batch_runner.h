// Owns running planned batches on the cores: those for all cores one after the other, the rest side by side.
#pragma once

#include <functional>
#include <span>

#include "engine/call_control.h"
#include "engine/core_budget.h"
#include "engine/planned_batch.h"

namespace ortembed {

// Thread-safe. Holds no threads between calls, so that nothing is left to survive a fork or an interpreter's end.
class BatchRunner {
 public:
  // Runs one batch on the cores given, which may be fewer than planned. Must be thread-safe.
  using Run = std::function<void(const PlannedBatch& batch, Cores cores)>;

  explicit BatchRunner(int cores) : cores_(cores), budget_(cores) {}

  // Returns when all batches have run. When a run or the control throws, no further batch is started, those under
  // way end, and the exception passes on: the progress's, else of several that of the batch that comes first. A call
  // that waits in line for a core sees a cancellation when its turn comes.
  void run(std::span<const PlannedBatch> batches, const Run& run, const CallControl& control) const;

 private:
  class Call;

  int cores_;
  mutable CoreBudget budget_;
};

}  // namespace ortembed
