// Owns the float input tensors of a graph that leaves the embedding lookup out, in buffers that are reused.
#pragma once

#include <span>
#include <vector>

#include "engine/embedding_table.h"
#include "engine/tensors.h"

namespace ortembed {

// What is added to the attention scores of padding. Scores lie within some hundreds, so that softmax gives padding
// exactly zero. Two of these still fit in float16 (a graph may add a mask of its own), and being finite they cannot
// turn a row of nothing but padding into NaN.
inline constexpr float padding_score = -30000.0F;

class EmbeddedTensors {
 public:
  // Looks the batch's texts up; the hidden rows of padding are zeros. Throws Error(invalid_input) as the table does.
  void fill(const InputTensors& tensors, const EmbeddingTable& table);

  std::span<const float> hidden() const { return hidden_; }  // [batch, sequence, width]
  std::span<const float> mask() const { return mask_; }      // [batch, 1, 1, sequence]: 0, or padding_score

 private:
  std::vector<float> hidden_;
  std::vector<float> mask_;
};

}  // namespace ortembed
