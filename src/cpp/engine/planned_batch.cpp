// Owns one batch as planned: which texts run together, where each lies in the batch's tensors, and on how many cores.
#include "engine/planned_batch.h"

#include <utility>

namespace ortembed {

PlannedBatch pack(std::vector<std::size_t> rows, std::span<const std::int64_t> lengths, Cores cores) {
  PlannedBatch batch{.rows = std::move(rows), .cores = cores, .offsets = {0}};
  batch.offsets.reserve(batch.rows.size() + 1);
  for (const std::size_t row : batch.rows) batch.offsets.push_back(batch.offsets.back() + lengths[row]);
  return batch;
}

}  // namespace ortembed
