// Owns the checked view of pre-encoded texts: borrowed flat ids, and where each row of them lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace ortembed {

struct TokenLimits {
  std::int64_t vocab_size = 0;  // ids are in [0, vocab_size)
  std::int64_t max_tokens = 0;  // the longest row, special tokens included
};

using TokenIds = std::variant<std::span<const std::int32_t>, std::span<const std::int64_t>>;

class TokenBatch {
 public:
  // Row i holds ids[offsets[i] .. offsets[i + 1]). The ids are borrowed; the offsets are copied, so that nothing
  // that another thread does to them later can move a read out of bounds.
  // Throws Error(invalid_input) naming the first row, offset or id that does not fit.
  TokenBatch(TokenIds ids, std::span<const std::int64_t> offsets, const TokenLimits& limits);

  std::size_t size() const { return offsets_.size() - 1; }
  std::int64_t total() const { return offsets_.back(); }
  std::int64_t start(std::size_t row) const { return offsets_[row]; }
  std::int64_t length(std::size_t row) const { return offsets_[row + 1] - offsets_[row]; }
  std::vector<std::int64_t> lengths() const;
  void copy_row(std::size_t row, std::int64_t* destination) const;

 private:
  TokenIds ids_;
  std::vector<std::int64_t> offsets_;
};

}  // namespace ortembed
