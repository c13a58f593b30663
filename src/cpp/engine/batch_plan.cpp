// Owns the decision which texts run together: token counts and limits in, batches of original positions out.
#include "engine/batch_plan.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace ortembed {

std::vector<PlannedBatch> plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t row) { return lengths[row]; });

  std::vector<PlannedBatch> batches;
  for (const std::size_t row : order) {
    const bool fits = !batches.empty() &&
                      (static_cast<std::int64_t>(batches.back().rows.size()) + 1) * batches.back().sequence_length <=
                          limits.max_batch_tokens;
    if (!fits) batches.push_back({lengths[row], {}});
    batches.back().rows.push_back(row);
  }
  return batches;
}

}  // namespace ortembed
