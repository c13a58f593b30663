// Owns the limits that a plan of batches keeps to.
#pragma once

#include <cstdint>

namespace ortembed {

struct PlanLimits {
  std::int64_t max_batch_tokens = 0;  // tokens a batch, padding among them
  int cores = 1;                      // of the machine that the batches will be spread over
};

}  // namespace ortembed
