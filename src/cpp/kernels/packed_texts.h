// Owns texts packed end to end: where each begins, checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ortembed::kernels {

class PackedTexts {
 public:
  // Offsets [n + 1], from 0 to `tokens`, each at least the one before; copied, since who holds them may change them.
  // Throws Error(inference) naming the first that does not fit.
  PackedTexts(std::span<const std::int64_t> offsets, std::int64_t tokens);

  std::size_t size() const { return starts_.size() - 1; }
  std::size_t tokens() const { return starts_.back(); }
  std::size_t start(std::size_t text) const { return starts_[text]; }
  std::size_t length(std::size_t text) const { return starts_[text + 1] - starts_[text]; }
  std::size_t longest() const { return longest_; }

 private:
  std::vector<std::size_t> starts_;
  std::size_t longest_ = 0;
};

}  // namespace ortembed::kernels
