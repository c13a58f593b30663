// Owns the plan of texts that run packed, end to end: lengths and limits in, batches out.
#include "engine/packed_plan.h"

#include <cstddef>
#include <limits>

#include "engine/length_order.h"

namespace ortembed {
namespace {

// Attention over a text of so many tokens costs as much as all that is done with each token by itself. On one core of
// an AVX-512 machine a token of MiniLM in int8 takes 32 us in texts of 16 tokens, 37 in those of 128, and 48 of 512.
constexpr double attention_length = 1024;
// Costs are in tokens, of a text so short that attention counts for nothing. Below this for each core, a core by
// itself gains nothing over sharing one run with the others, and batches get no smaller.
constexpr double min_cost = 64;
// Of a core's share, what one text may cost at most and still run on a core.
constexpr double largest_part = 0.25;

// A text's, given its tokens.
double cost(std::int64_t length) {
  const auto tokens = static_cast<double>(length);
  return tokens + tokens * tokens / attention_length;
}

// Of texts whose lengths fall; so are they everywhere below.
using Lengths = std::span<const std::int64_t>;

double cost(Lengths texts) {
  double total = 0;
  for (const std::int64_t length : texts) total += cost(length);
  return total;
}

struct Part {
  std::size_t count = 0;  // of neighbours, in the order of the lengths
  Cores cores = Cores::one;
};

// How many of the first texts make a batch of about that cost: one or more.
std::size_t batch_count(Lengths texts, double target, std::int64_t max_tokens) {
  std::int64_t tokens = 0;
  double done = 0;
  std::size_t count = 0;
  for (const std::int64_t length : texts) {
    const double own = cost(length);
    if (count > 0 && (tokens + length > max_tokens || done + own / 2 > target)) break;
    tokens += length;
    done += own;
    ++count;
  }
  return count;
}

// How many of the first texts run on all cores: those that are too large a part of what is left, or else all.
std::size_t shared_count(Lengths texts, int cores) {
  double left = cost(texts);
  std::size_t count = 0;
  for (const std::int64_t length : texts) {
    if (cost(length) <= left / cores * largest_part) break;
    left -= cost(length);
    ++count;
  }
  return left / cores < min_cost ? texts.size() : count;
}

// One batch after the other, as large as the budget allows.
void cut_whole(Lengths texts, std::int64_t max_tokens, Cores cores, std::vector<Part>& parts) {
  while (!texts.empty()) {
    parts.push_back({batch_count(texts, std::numeric_limits<double>::infinity(), max_tokens), cores});
    texts = texts.subspan(parts.back().count);
  }
}

// Side by side.
void cut_rounds(Lengths texts, const PlanLimits& limits, std::vector<Part>& parts) {
  double left = cost(texts);
  while (!texts.empty()) {
    double round = left / limits.cores < 2 * min_cost ? left : left / 2;
    left -= round;
    for (int cores = limits.cores; cores > 0 && !texts.empty(); --cores) {
      parts.push_back({batch_count(texts, round / cores, limits.max_batch_tokens), Cores::one});
      round -= cost(texts.first(parts.back().count));
      texts = texts.subspan(parts.back().count);
    }
    left += round;  // what the round left undone, or did beyond its part
  }
}

std::vector<Part> cut(Lengths texts, const PlanLimits& limits) {
  const bool is_alone = limits.cores == 1;
  const std::size_t shared = is_alone ? texts.size() : shared_count(texts, limits.cores);
  std::vector<Part> parts;
  cut_whole(texts.first(shared), limits.max_batch_tokens, is_alone ? Cores::one : Cores::all, parts);
  cut_rounds(texts.subspan(shared), limits, parts);
  return parts;
}

}  // namespace

std::vector<PlannedBatch> plan_packed(std::span<const std::int64_t> lengths, const PlanLimits& limits) {
  const SortedTexts sorted = longest_first(lengths);
  std::vector<PlannedBatch> batches;
  auto row = sorted.rows.begin();
  for (const auto& [count, cores] : cut(sorted.lengths, limits)) {
    const auto end = row + static_cast<std::ptrdiff_t>(count);
    batches.push_back(pack({row, end}, lengths, cores));
    row = end;
  }
  return batches;
}

}  // namespace ortembed
