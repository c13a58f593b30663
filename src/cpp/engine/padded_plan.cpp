// Owns the plan of texts that are padded to the shape of their batch: lengths and limits in, batches out.
#include "engine/padded_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/length_order.h"

namespace ortembed {
namespace {

// What a run costs beside its tokens, in tokens: the weights are read once a run, and each operator is started. On a
// two-core AVX2 machine a run of MiniLM takes 3 ms + 0.28 ms a token on one core, and 1.9 ms + 0.14 ms on both.
constexpr std::int64_t run_cost = 12;
// Below this many tokens a core by itself gains nothing over sharing one run with the others (same measurement).
constexpr std::int64_t min_tokens_per_core = 64;
// Batches for each core, so that no core waits long for the last one.
constexpr std::int64_t batches_per_core = 4;

struct Part {
  std::size_t count = 0;  // of neighbouring rows
  BatchShape shape;
};

// Splits lengths in falling order into runs of neighbours, each padded to a shape, at the lowest total cost.
std::vector<Part> cheapest_split(std::span<const std::int64_t> lengths, std::int64_t budget,
                                 const BatchShapes& shapes) {
  struct Best {
    std::int64_t cost = std::numeric_limits<std::int64_t>::max();
    Part first;
  };
  std::vector<Best> best(lengths.size() + 1);  // of the rows from here on
  best.back().cost = 0;
  for (std::size_t start = lengths.size(); start-- > 0;) {
    shapes.visit_starts(lengths.subspan(start), budget, [&](const BatchShape& shape, std::size_t count) {
      const std::int64_t cost = run_cost + shape.tokens() + best[start + count].cost;
      if (cost <= best[start].cost) best[start] = {cost, {count, shape}};  // at equal cost the larger batch
    });
  }
  std::vector<Part> parts;
  for (std::size_t start = 0; start < lengths.size(); start += parts.back().count) parts.push_back(best[start].first);
  return parts;
}

std::vector<PlannedBatch> split(std::span<const std::int64_t> lengths, std::int64_t budget,
                                const BatchShapes& shapes) {
  const SortedTexts sorted = longest_first(lengths);
  std::vector<PlannedBatch> batches;
  auto row = sorted.rows.begin();
  for (const auto& [count, shape] : cheapest_split(sorted.lengths, budget, shapes)) {
    const auto end = row + static_cast<std::ptrdiff_t>(count);
    const std::int64_t padding_rows = shape.rows - static_cast<std::int64_t>(count);
    batches.push_back({shape.sequence_length, {row, end}, Cores::one, padding_rows});
    row = end;
  }
  return batches;
}

}  // namespace

std::vector<PlannedBatch> plan_padded(std::span<const std::int64_t> lengths, const PlanLimits& limits,
                                      const BatchShapes& shapes) {
  const std::int64_t total = std::reduce(lengths.begin(), lengths.end());
  const std::int64_t share = total / limits.cores;
  const bool side_by_side = limits.cores > 1 && share >= min_tokens_per_core;
  const std::int64_t even = std::max(share / batches_per_core, min_tokens_per_core);
  const std::int64_t budget = side_by_side ? std::min(even, limits.max_batch_tokens) : limits.max_batch_tokens;
  std::vector<PlannedBatch> batches = split(lengths, budget, shapes);
  if (limits.cores > 1) {
    for (auto& batch : batches) {
      if (!side_by_side || batch.tokens() > share) batch.cores = Cores::all;
    }
  }
  std::ranges::stable_partition(batches, [](const auto& batch) { return batch.cores == Cores::all; });
  return batches;
}

}  // namespace ortembed
