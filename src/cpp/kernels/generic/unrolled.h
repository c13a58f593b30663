// Owns unrolling by hand: an index that is a constant from the start, so that arrays of sums stay in registers.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#if defined(_MSC_VER) && !defined(__clang__)
#define ORTEMBED_INLINE __forceinline
#define ORTEMBED_NOINLINE __declspec(noinline)
#define ORTEMBED_UNROLL_2
#else
#define ORTEMBED_INLINE inline __attribute__((always_inline))
#define ORTEMBED_NOINLINE __attribute__((noinline))
#if defined(__clang__)
#define ORTEMBED_UNROLL_2 _Pragma("clang loop unroll_count(2)")
#else
#define ORTEMBED_UNROLL_2 _Pragma("GCC unroll 2")
#endif
#endif

namespace ortembed::kernels {

template <class Function, std::size_t... index>
ORTEMBED_INLINE void unrolled_over(const Function& function, std::index_sequence<index...>) {
  (function(std::integral_constant<std::size_t, index>{}), ...);
}

// Calls function(0) ... function(count - 1), each with a constant. Compilers that unroll a loop late have put the
// array that it indexes on the stack by then, which halves the rate of a product.
template <std::size_t count, class Function>
ORTEMBED_INLINE void unrolled(const Function& function) {
  unrolled_over(function, std::make_index_sequence<count>{});
}

// Calls whole(i) for each full vector of a row, then part(i, values) for what is left, if anything is.
template <class T, class Whole, class Part>
ORTEMBED_INLINE void visit_row(std::size_t size, const Whole& whole, const Part& part) {
  std::size_t i = 0;
  for (; i + T::lanes <= size; i += T::lanes) whole(i);
  if (i < size) part(i, size - i);
}

}  // namespace ortembed::kernels
