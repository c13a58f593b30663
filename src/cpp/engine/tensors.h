// Owns the int64 input tensors of one batch, in buffers that are reused from batch to batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/planned_batch.h"
#include "engine/token_batch.h"

namespace ortembed {

class InputTensors {
 public:
  // Writes the planned rows, padded on the right with id 0 and mask 0 to the batch's sequence length, then its rows
  // of nothing but padding; or packed, end to end.
  void fill(const TokenBatch& tokens, const PlannedBatch& batch);

  std::int64_t batch_size() const { return batch_size_; }
  std::int64_t sequence_length() const { return sequence_length_; }                     // 0 where texts are packed
  std::int64_t tokens() const { return static_cast<std::int64_t>(input_ids_.size()); }  // padding among them
  std::span<const std::int64_t> input_ids() const { return input_ids_; }
  // Where packed texts begin, and the last one ends; empty where they are padded.
  std::span<const std::int64_t> offsets() const { return offsets_; }
  // Empty where texts are packed, as the token type ids.
  std::span<const std::int64_t> attention_mask() const { return attention_mask_; }
  // Tokens of each row that is a text, padding apart.
  std::span<const std::int64_t> lengths() const { return lengths_; }
  // All zero: each row is a single text.
  std::span<const std::int64_t> token_type_ids() const { return token_type_ids_; }

 private:
  void fill_mask(const PlannedBatch& batch);

  std::int64_t batch_size_ = 0;
  std::int64_t sequence_length_ = 0;
  std::vector<std::int64_t> lengths_;
  std::vector<std::int64_t> input_ids_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> attention_mask_;
  std::vector<std::int64_t> token_type_ids_;
};

}  // namespace ortembed
