// Owns the memory that a run works in: one block, divided as the run needs it, kept from one run to the next.
#pragma once

#include <cstddef>

#include "kernels/aligned.h"

namespace ortembed::kernels {

class Workspace {
 public:
  // Makes room for so many bytes; what was there is lost.
  void reserve(std::size_t size) {
    used_ = 0;
    if (size <= size_) return;
    data_.reset();
    size_ = 0;
    data_ = aligned_bytes(size);
    size_ = size;
  }

  // The next so many bytes, aligned.
  std::byte* take(std::size_t size) {
    std::byte* result = data_.get() + used_;
    used_ += padded(size);
    return result;
  }
  float* take_floats(std::size_t count) { return reinterpret_cast<float*>(take(count * sizeof(float))); }

  // Between two runs: lets go of what only large runs need.
  void trim() {
    if (size_ <= most_kept) return;
    data_.reset();
    size_ = 0;
  }

  static constexpr std::size_t padded(std::size_t size) { return (size + alignment - 1) / alignment * alignment; }

 private:
  static constexpr std::size_t most_kept = std::size_t{16} << 20U;

  AlignedBytes data_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace ortembed::kernels
