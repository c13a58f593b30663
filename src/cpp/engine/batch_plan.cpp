// Owns the decision which texts run together, and on how many cores: token counts and limits in, batches out.
#include "engine/batch_plan.h"

#include <variant>

#include "engine/packed_plan.h"
#include "engine/padded_plan.h"

namespace ortembed {

std::vector<PlannedBatch> plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits,
                                       const BatchLayout& layout) {
  if (const auto* shapes = std::get_if<BatchShapes>(&layout)) return plan_padded(lengths, limits, *shapes);
  return plan_packed(lengths, limits);
}

}  // namespace ortembed
