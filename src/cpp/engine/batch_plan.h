// Owns the decision which texts run together, and on how many cores: token counts and limits in, batches out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch_layout.h"
#include "engine/plan_limits.h"
#include "engine/planned_batch.h"

namespace ortembed {

// Of padded_plan.h or packed_plan.h, as the encoder takes its texts. Every row is in exactly one batch; batches for
// all cores come first. Deterministic.
std::vector<PlannedBatch> plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits,
                                       const BatchLayout& layout);

}  // namespace ortembed
