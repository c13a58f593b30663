// Owns what attention does to one row of scores between its two products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/generic/math.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

// Of a token that is not seen: the lowest float, so that a block may have nothing else.
constexpr float hidden_score = -3.40282347e+38F;

// The keys of a block that one query sees: [first, end), counted from the block's first.
struct Seen {
  std::size_t first;
  std::size_t end;
};

ORTEMBED_INLINE Seen seen_keys(std::int64_t reach, std::size_t query, std::size_t first, std::size_t count) {
  constexpr std::int64_t endless = std::int64_t{1} << 40;  // beyond any text, and sums with it fit
  if (reach < 0 || reach >= endless) return {0, count};
  const auto from = static_cast<std::int64_t>(query) - reach - static_cast<std::int64_t>(first);
  const auto to = static_cast<std::int64_t>(query) + reach + 1 - static_cast<std::int64_t>(first);
  const auto limit = static_cast<std::int64_t>(count);
  const std::int64_t start = from < 0 ? 0 : from > limit ? limit : from;
  const std::int64_t end = to < start ? start : to > limit ? limit : to;
  return {static_cast<std::size_t>(start), static_cast<std::size_t>(end)};
}

// Adds biases to one row of scores, and hides what is not seen, up to `padded` keys.
template <class T>
ORTEMBED_INLINE void adjust_scores(const HeadTask& task, std::size_t query, std::size_t first, std::size_t count,
                                   std::size_t padded, float* scores) {
  const typename T::Float hidden = T::set(hidden_score);
  if (task.relative_bias == nullptr && task.reach < 0) {
    const std::size_t last = padded - T::lanes;
    if (count < padded) T::store(scores + last, T::first(count - last, T::load(scores + last), hidden));
    return;
  }
  const Seen seen = seen_keys(task.reach, query, first, count);
  if (task.relative_bias != nullptr) {
    const float* bias = task.relative_bias + static_cast<std::ptrdiff_t>(first) - static_cast<std::ptrdiff_t>(query);
    const typename T::Float factor = T::set(1 / task.scale);  // scores are scaled later
    for (std::size_t j = 0; j < padded; j += T::lanes) {
      const typename T::Float added = j + T::lanes <= count ? T::load(bias + j) : T::load_part(bias + j, count - j);
      T::store(scores + j, T::multiply_add(added, factor, T::load(scores + j)));
    }
  }
  const auto hide = [&](std::size_t j) {
    T::store(scores + j, T::between(seen.first, seen.end, j, T::load(scores + j), hidden));
  };
  for (std::size_t j = 0; j < seen.first; j += T::lanes) hide(j);
  for (std::size_t j = seen.end / T::lanes * T::lanes; j < padded; j += T::lanes) hide(j);
}

template <class T>
ORTEMBED_INLINE typename T::Float largest_lanes(const float* scores, std::size_t padded) {
  typename T::Float largest = T::set(hidden_score);
  for (std::size_t j = 0; j < padded; j += T::lanes) largest = T::max(largest, T::load(scores + j));
  return largest;
}

// Gives e^(scale * (score - largest)) of one row, rounded to what the product reads, and the lanes of their sum. The
// scores may be changed.
template <class T>
ORTEMBED_INLINE typename T::Float exponentiate(float* scores, std::size_t padded, float scale, float largest,
                                               std::byte* weights) {
  using Dot = typename T::AttentionDot;
  constexpr float most_exponent = 4096;  // beyond it, what its rounding is off by would count, and soon be all
  const float exponent = 1.44269504F * scale;
  // Where nothing is seen, hidden scores stay as they are.
  float shift = largest > hidden_score ? -largest * exponent : 0;
  if (shift > most_exponent || shift < -most_exponent) {
    const typename T::Float origin = T::set(largest);
    for (std::size_t j = 0; j < padded; j += T::lanes) T::store(scores + j, T::subtract(T::load(scores + j), origin));
    shift = 0;
  }
  const typename T::Float factor = T::set(exponent);
  const typename T::Float start = T::set(shift);
  typename T::Float sum = T::zero();
  for (std::size_t j = 0; j < padded; j += T::lanes) {
    const typename T::Float value = exp2_of_negative<T>(T::multiply_add(T::load(scores + j), factor, start));
    sum = T::add(sum, value);
    Dot::store_values(weights, j, value);
  }
  return sum;
}

}  // namespace ortembed::kernels
