// Owns the float input tensors of a graph that leaves the embedding lookup out, in buffers that are reused.
#include "engine/embedded_tensors.h"

#include <algorithm>

namespace ortembed {

void EmbeddedTensors::fill(const InputTensors& tensors, const EmbeddingTable& table) {
  const auto width = static_cast<std::size_t>(table.width());
  const auto sequence = static_cast<std::size_t>(tensors.sequence_length());
  hidden_.resize(tensors.input_ids().size() * width);
  mask_.assign(tensors.input_ids().size(), padding_score);
  for (std::size_t row = 0; row < tensors.lengths().size(); ++row) {
    const auto length = static_cast<std::size_t>(tensors.lengths()[row]);
    const std::size_t start = row * sequence;
    table.look_up(tensors.input_ids().subspan(start, length), hidden_.data() + start * width);
    const std::span padding = std::span(hidden_).subspan((start + length) * width, (sequence - length) * width);
    std::ranges::fill(padding, 0.0F);
    std::ranges::fill(std::span(mask_).subspan(start, length), 0.0F);
  }
  std::ranges::fill(std::span(hidden_).subspan(tensors.lengths().size() * sequence * width), 0.0F);
}

}  // namespace ortembed
