// Owns the order in which plans take texts: the longest first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

namespace ortembed {

struct SortedTexts {
  std::vector<std::size_t> rows;  // positions in the caller's order; texts of equal length keep it
  std::vector<std::int64_t> lengths;
};

inline SortedTexts longest_first(std::span<const std::int64_t> lengths) {
  SortedTexts sorted{std::vector<std::size_t>(lengths.size()), std::vector<std::int64_t>(lengths.size())};
  std::iota(sorted.rows.begin(), sorted.rows.end(), std::size_t{0});
  std::ranges::stable_sort(sorted.rows, std::greater{}, [&](std::size_t row) { return lengths[row]; });
  std::ranges::transform(sorted.rows, sorted.lengths.begin(), [&](std::size_t row) { return lengths[row]; });
  return sorted;
}

}  // namespace ortembed
