// Owns the decision which texts run together, and on how many cores: token counts and limits in, batches out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/batch_shapes.h"
#include "engine/cores.h"

namespace ortembed {

struct PlanLimits {
  std::int64_t max_batch_tokens = 0;  // padded tokens a batch: rows times the longest row
  int cores = 1;                      // of the machine that the batches will be spread over
};

struct PlannedBatch {
  std::int64_t sequence_length = 0;  // tokens that every row is padded to
  std::vector<std::size_t> rows;     // positions in the caller's order
  Cores cores = Cores::one;
  std::int64_t padding_rows = 0;  // of nothing but padding, behind the others

  std::int64_t batch_size() const { return static_cast<std::int64_t>(rows.size()) + padding_rows; }
  std::int64_t padded_tokens() const { return sequence_length * batch_size(); }
  bool operator==(const PlannedBatch&) const = default;
};

// Groups rows of similar length, in shapes that the encoder runs, so that padded tokens, and what each run costs
// beside them, are fewest. Where any shape runs, a batch is padded to its longest row. Texts enough
// to keep every core busy by itself run on one core a batch, in batches small enough that all cores end about
// together; fewer texts, and a batch that is more than a core's share, run on all cores. Batches for all cores come
// first, then longest rows first, so that the peak of memory comes early. Rows of equal length keep their order. A
// row longer than the budget gets a batch of its own. Deterministic; every row is in exactly one batch.
std::vector<PlannedBatch> plan_batches(std::span<const std::int64_t> lengths, const PlanLimits& limits,
                                       const BatchShapes& shapes);

}  // namespace ortembed
