// Owns the plan of texts that are padded to the shape of their batch: lengths and limits in, batches out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch_shapes.h"
#include "engine/plan_limits.h"
#include "engine/planned_batch.h"

namespace ortembed {

// Groups rows of similar length, in shapes that the encoder runs, so that padded tokens, and what each run costs
// beside them, are fewest. Where any shape runs, a batch is padded to its longest row. Texts enough
// to keep every core busy by itself run on one core a batch, in batches small enough that all cores end about
// together; fewer texts, and a batch that is more than a core's share, run on all cores. Batches for all cores come
// first, then longest rows first, so that the peak of memory comes early. Rows of equal length keep their order. A
// row longer than the budget gets a batch of its own. Deterministic; every row is in exactly one batch.
std::vector<PlannedBatch> plan_padded(std::span<const std::int64_t> lengths, const PlanLimits& limits,
                                      const BatchShapes& shapes);

}  // namespace ortembed
