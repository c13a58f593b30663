// Owns the int64 input tensors of one batch, in buffers that are reused from batch to batch.
#include "engine/tensors.h"

#include <algorithm>

namespace ortembed {

void InputTensors::fill(const TokenBatch& tokens, const PlannedBatch& batch) {
  batch_size_ = batch.batch_size();
  sequence_length_ = batch.sequence_length;
  const auto size = static_cast<std::size_t>(batch_size_ * sequence_length_);
  lengths_.clear();
  input_ids_.assign(size, 0);
  attention_mask_.assign(size, 0);
  token_type_ids_.resize(size);  // never written to, so always zero
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const auto start = static_cast<std::ptrdiff_t>(i) * sequence_length_;
    tokens.copy_row(batch.rows[i], input_ids_.data() + start);
    lengths_.push_back(tokens.length(batch.rows[i]));
    std::fill_n(attention_mask_.begin() + start, lengths_.back(), 1);
  }
}

}  // namespace ortembed
