// Owns how one run of a layer is divided: into blocks of rows where there are many, into columns where there are few.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ortembed::kernels {

// Rows that one thread takes through a layer's products at a time: enough that a panel of weights, once in the
// cache, is used often, and few enough that what lies between the products stays there too.
constexpr std::size_t rows_per_block = 48;

struct Division {
  bool by_rows = true;
  std::size_t pieces = 1;  // blocks of rows, or parts of each product's columns

  // With rows enough for all threads each block goes through several products on one thread, without waiting. With
  // fewer, threads share each product, so that each reads only a part of the weights.
  static Division of(std::size_t rows, std::size_t threads) {
    if (threads > 1 && rows < threads * rows_per_block) return {false, threads};
    const std::size_t blocks = std::max<std::size_t>((rows + rows_per_block - 1) / rows_per_block, 1);
    return {true, (blocks + threads - 1) / threads * threads};
  }
};

// The i-th of `pieces` nearly equal parts of `count`.
struct Part {
  std::size_t first;
  std::size_t end;

  Part(std::size_t count, std::size_t index, std::size_t pieces)
      : first(count * index / pieces), end(count * (index + 1) / pieces) {}
  std::size_t size() const { return end - first; }
};

}  // namespace ortembed::kernels
