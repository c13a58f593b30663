// Owns one batch as planned: which texts run together, where each lies in the batch's tensors, and on how many cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cores.h"

namespace ortembed {

struct PlannedBatch {
  std::int64_t sequence_length = 0;  // tokens that every row is padded to; 0 where texts are packed
  std::vector<std::size_t> rows;     // positions in the caller's order
  Cores cores = Cores::one;
  std::int64_t padding_rows = 0;        // of nothing but padding, behind the others
  std::vector<std::int64_t> offsets{};  // [rows + 1], where packed texts begin, and the last one ends; else empty

  bool is_packed() const { return !offsets.empty(); }
  std::int64_t batch_size() const { return static_cast<std::int64_t>(rows.size()) + padding_rows; }
  // That run: those of the texts, and padding.
  std::int64_t tokens() const { return is_packed() ? offsets.back() : sequence_length * batch_size(); }
  // Which of them is the first of text i.
  std::int64_t start(std::size_t i) const {
    return is_packed() ? offsets[i] : static_cast<std::int64_t>(i) * sequence_length;
  }
  bool operator==(const PlannedBatch&) const = default;
};

// The rows end to end in one batch; `lengths` are those of all texts.
PlannedBatch pack(std::vector<std::size_t> rows, std::span<const std::int64_t> lengths, Cores cores);

}  // namespace ortembed
