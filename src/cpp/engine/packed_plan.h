// Owns the plan of texts that run packed, end to end: lengths and limits in, batches out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/plan_limits.h"
#include "engine/planned_batch.h"

namespace ortembed {

// There is no padding to save, so that only two things count: batches large enough for what a run costs by itself,
// and cores that end together. A text costs its tokens, and what attention takes beside them, which grows with their
// square. Texts run on one core a batch, in rounds of a batch for each core; a round does about half of what is left,
// as far as the budget lets it, and the last one, when little is left, all of it. Texts that are a large part of a
// core's share would make the others wait, so they come before these, on all cores; as do all texts where they are
// few. Longest first, equal ones in their order. A text longer than the budget gets a batch of its own.
// Deterministic; every row is in exactly one batch.
std::vector<PlannedBatch> plan_packed(std::span<const std::int64_t> lengths, const PlanLimits& limits);

}  // namespace ortembed
