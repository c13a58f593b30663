// Owns the decision which texts run together: token counts and limits in, batches of original positions out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ortembed {

struct PlanLimits {
  std::int64_t max_batch_tokens = 0;  // padded tokens a batch: rows times the longest row
};

struct PlannedBatch {
  std::int64_t sequence_length = 0;  // tokens of the longest row; the others are padded to it
  std::vector<std::size_t> rows;     // positions in the caller's order

  bool operator==(const PlannedBatch&) const = default;
};

// Groups rows of similar length, longest first, so that little is padded and the peak of memory comes early.
// Rows of equal length keep their order. A row longer than the budget gets a batch of its own.
// Deterministic; every row is in exactly one batch.
std::vector<PlannedBatch> plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits);

}  // namespace ortembed
