// Owns the int64 input tensors of one batch, in buffers that are reused from batch to batch.
#include "engine/tensors.h"

#include <algorithm>

namespace ortembed {

void InputTensors::fill(const TokenBatch& tokens, const PlannedBatch& batch) {
  batch_size_ = batch.batch_size();
  sequence_length_ = batch.sequence_length;
  offsets_ = batch.offsets;
  lengths_.clear();
  input_ids_.assign(static_cast<std::size_t>(batch.tokens()), 0);
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    tokens.copy_row(batch.rows[i], input_ids_.data() + batch.start(i));
    lengths_.push_back(tokens.length(batch.rows[i]));
  }
  fill_mask(batch);
}

void InputTensors::fill_mask(const PlannedBatch& batch) {
  const std::size_t size = batch.is_packed() ? 0U : input_ids_.size();
  attention_mask_.assign(size, 0);
  token_type_ids_.resize(size);  // never written to, so always zero
  if (batch.is_packed()) return;
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    std::fill_n(attention_mask_.begin() + batch.start(i), lengths_[i], 1);
  }
}

}  // namespace ortembed
