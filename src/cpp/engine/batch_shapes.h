// Owns the sizes of batch that an encoder runs: any, or those of a closed list.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ortembed {

struct BatchShape {
  std::int64_t rows = 0;
  std::int64_t sequence_length = 0;

  std::int64_t tokens() const { return rows * sequence_length; }
  bool operator==(const BatchShape&) const = default;
};

class BatchShapes {
 public:
  BatchShapes() = default;  // any size
  // Only these; a text that is longer than all of them runs alone, at its own length.
  // Throws Error(invalid_input) for a size below 1 and for one that comes twice.
  explicit BatchShapes(std::vector<BatchShape> fixed);

  // Calls visit(shape, count) for each batch that could begin with the first of the texts, whose lengths fall: it
  // takes `count` of them, padded to the shape. Of any size, those of several texts hold at most `max_tokens`.
  template <class Visit>
  void visit_starts(std::span<const std::int64_t> lengths, std::int64_t max_tokens, const Visit& visit) const {
    if (fixed_.empty()) {
      visit_any(lengths, max_tokens, visit);
    } else {
      visit_fixed(lengths, visit);
    }
  }

 private:
  template <class Visit>
  static void visit_any(std::span<const std::int64_t> lengths, std::int64_t max_tokens, const Visit& visit) {
    BatchShape shape{1, lengths.front()};
    visit(shape, std::size_t{1});
    for (std::size_t count = 2; count <= lengths.size(); ++count) {
      ++shape.rows;
      if (shape.tokens() > max_tokens) return;
      visit(shape, count);
    }
  }

  template <class Visit>
  void visit_fixed(std::span<const std::int64_t> lengths, const Visit& visit) const {
    bool fits = false;
    for (const BatchShape& shape : fixed_) {
      if (shape.sequence_length < lengths.front()) continue;
      fits = true;
      visit(shape, std::min(lengths.size(), static_cast<std::size_t>(shape.rows)));
    }
    if (!fits) visit(BatchShape{1, lengths.front()}, std::size_t{1});
  }

  std::vector<BatchShape> fixed_;
};

}  // namespace ortembed
