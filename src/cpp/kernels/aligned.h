// Owns memory aligned for any vector, of which nothing is initialized.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace ortembed::kernels {

inline constexpr std::size_t alignment = 64;  // a cache line, and the widest vector

struct AlignedDelete {
  void operator()(std::byte* data) const { ::operator delete[](data, std::align_val_t{alignment}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

inline AlignedBytes aligned_bytes(std::size_t size) {
  return AlignedBytes(static_cast<std::byte*>(::operator new[](size, std::align_val_t{alignment})));
}

}  // namespace ortembed::kernels
