// Owns what is done to one row of hidden states after another: quantizing, rounding, norms, gates.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels/generic/activations.h"
#include "kernels/generic/vectors.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

// Rows that go through each step together, as many as stay in the innermost cache: within a row each step waits for
// the one before.
constexpr std::size_t most_rows_at_once = rows_reduced_together;

template <class Visit>
ORTEMBED_INLINE void visit_groups(std::size_t count, std::size_t columns, const Visit& visit) {
  constexpr std::size_t most_values = 6144;
  const std::size_t step = std::clamp(most_values / columns, std::size_t{1}, most_rows_at_once);
  for (std::size_t row = 0; row < count; row += step) visit(row, std::min(step, count - row));
}

// Sums, or ranges, that go side by side, since each step waits for the one before.
constexpr std::size_t sums_at_once = 4;

template <class T>
ORTEMBED_INLINE typename T::Float sum_of(const typename T::Float (&sums)[sums_at_once]) {
  return T::add(T::add(sums[0], sums[1]), T::add(sums[2], sums[3]));
}

template <class T>
ORTEMBED_INLINE typename T::Float load_up_to(const float* x, std::size_t count) {
  return count < T::lanes ? T::load_part(x, count) : T::load(x);
}

template <class T>
ORTEMBED_INLINE void store_up_to(float* x, typename T::Float value, std::size_t count) {
  if (count < T::lanes) {
    T::store_part(x, value, count);
  } else {
    T::store(x, value);
  }
}

// Calls visit(k, i, count) for each vector of a row, where k is the sum that it belongs to, and count the values that
// are left, or a whole vector.
template <class T, class Visit>
ORTEMBED_INLINE void visit_vectors(std::size_t size, const Visit& visit) {
  constexpr std::size_t step = sums_at_once * T::lanes;
  std::size_t i = 0;
  for (; i + step <= size; i += step) {
    unrolled<sums_at_once>([&](auto k) { visit(k, i + k * T::lanes, T::lanes); });
  }
  for (; i < size; i += T::lanes)
    visit(std::integral_constant<std::size_t, 0>{}, i, size - i < T::lanes ? size - i : T::lanes);
}

// Some values of a row by their scales, if there are any.
template <class T>
ORTEMBED_INLINE typename T::Float scaled(const float* x, const float* scale, std::size_t i, std::size_t count) {
  const typename T::Float value = load_up_to<T>(x + i, count);
  return scale == nullptr ? value : T::multiply(value, load_up_to<T>(scale + i, count));
}

// The smallest and largest of values, and 0, or NaN where one is not finite.
template <class T>
struct Range {
  typename T::Float low;
  typename T::Float high;
  typename T::Float poison = T::zero();

  explicit Range(float first) : low(T::set(first)), high(low) {}

  ORTEMBED_INLINE void see(typename T::Float value) {
    low = T::min(low, value);
    high = T::max(high, value);
    poison = T::multiply_add(value, T::zero(), poison);  // 0 times what is not finite is NaN
  }
  void join(const Range& other) {
    low = T::min(low, other.low);
    high = T::max(high, other.high);
    poison = T::add(poison, other.poison);
  }
};

// Of one row.
template <class T>
ORTEMBED_INLINE Range<T> range_of(const float* x, std::size_t size, const float* input_scale) {
  const float first = input_scale == nullptr ? x[0] : x[0] * input_scale[0];
  Range<T> ranges[sums_at_once] = {Range<T>(first), Range<T>(first), Range<T>(first), Range<T>(first)};
  visit_vectors<T>(size, [&](auto k, std::size_t i, std::size_t count) {
    const typename T::Float value = scaled<T>(x, input_scale, i, count);
    ranges[k].see(count < T::lanes ? T::first(count, value, T::set(first)) : value);
  });
  unrolled<sums_at_once - 1>([&](auto k) { ranges[0].join(ranges[k + 1]); });
  return ranges[0];
}

// Of some rows, each reduced from a vector to one value together with the others, for whose steps it would wait.
template <class T>
struct RowRanges {
  alignas(64) float negated_low[most_rows_at_once * T::lanes];
  alignas(64) float high[most_rows_at_once * T::lanes];
  alignas(64) float poison[most_rows_at_once * T::lanes];

  void set(std::size_t row, const Range<T>& range) {
    T::store(negated_low + row * T::lanes, T::subtract(T::zero(), range.low));
    T::store(high + row * T::lanes, range.high);
    T::store(poison + row * T::lanes, range.poison);
  }
  void reduce(std::size_t count) {
    T::reduce_max_rows(negated_low, count, negated_low);
    T::reduce_max_rows(high, count, high);
    T::reduce_add_rows(poison, count, poison);
  }
};

// The codes of one row: 0 stands for its smallest value, Dot::levels for its largest.
template <class T, class Dot>
ORTEMBED_INLINE void write_codes(const float* x, std::size_t size, const float* input_scale, float least,
                                 float inverse, std::byte* out) {
  const typename T::Float factor = T::set(inverse);
  const typename T::Float start = T::set(-least * inverse);
  const auto code = [&](typename T::Float value) { return T::multiply_add(value, factor, start); };
  constexpr std::size_t step = Dot::code_vectors * T::lanes;
  const std::size_t whole = size / step * step;
  for (std::size_t i = 0; i < whole; i += step) {
    typename T::Float codes[Dot::code_vectors];
    unrolled<Dot::code_vectors>(
        [&](auto k) { codes[k] = code(scaled<T>(x, input_scale, i + k * T::lanes, T::lanes)); });
    Dot::store_codes(out, i, codes);
  }
  for (std::size_t i = whole; i < size; i += T::lanes) {
    const std::size_t count = size - i < T::lanes ? size - i : T::lanes;
    Dot::store_codes_part(out, i, code(scaled<T>(x, input_scale, i, count)), count);
  }
}

// Some rows. One with a value that is not finite gets a scale that is not, so that no vector made of it is.
template <class T, class Dot>
void quantize_together(const float* x, std::size_t stride, std::size_t count, std::size_t columns,
                       const float* input_scale, std::byte* out, std::size_t out_stride, RowScale* scales) {
  RowRanges<T> ranges;
  for (std::size_t row = 0; row < count; ++row) ranges.set(row, range_of<T>(x + row * stride, columns, input_scale));
  ranges.reduce(count);
  const std::size_t used = columns * Dot::row_value_bytes;
  const std::size_t end = (used + Dot::cell_bytes - 1) / Dot::cell_bytes * Dot::cell_bytes;
  for (std::size_t row = 0; row < count; ++row) {
    const float least = -ranges.negated_low[row];
    const float scale = (ranges.high[row] - least) / Dot::levels + ranges.poison[row];
    scales[row] = {scale, least + scale * Dot::first_code_steps};
    std::byte* target = out + row * out_stride;
    write_codes<T, Dot>(x + row * stride, columns, input_scale, least, scale > 0 ? 1 / scale : 0, target);
    for (std::size_t i = used; i < end; ++i) target[i] = std::byte{0};  // of the last cell
  }
}

template <class T, class Dot>
void quantize_rows(const float* x, std::size_t stride, std::size_t count, std::size_t columns,
                   const float* input_scale, std::byte* out, std::size_t out_stride, RowScale* scales) {
  visit_groups(count, columns, [&](std::size_t row, std::size_t rows) {
    quantize_together<T, Dot>(x + row * stride, stride, rows, columns, input_scale, out + row * out_stride,
                              out_stride, scales + row);
  });
}

// Rows as the type that float products read: the codes of Dot are the values themselves, rounded.
template <class T, class Dot>
void round_rows(const float* x, std::size_t stride, std::size_t count, std::size_t columns, std::byte* out,
                std::size_t out_stride) {
  const std::size_t used = columns * Dot::row_value_bytes;
  const std::size_t end = (used + Dot::cell_bytes - 1) / Dot::cell_bytes * Dot::cell_bytes;
  for (std::size_t row = 0; row < count; ++row) {
    const float* source = x + row * stride;
    std::byte* target = out + row * out_stride;
    visit_row<T>(
        columns, [&](std::size_t i) { Dot::store_values(target, i, T::load(source + i)); },
        [&](std::size_t i, std::size_t part) {
          Dot::store_values_part(target, i, T::load_part(source + i, part), part);
        });
    for (std::size_t i = used; i < end; ++i) target[i] = std::byte{0};
  }
}

// Adds the residual, if there is one, into `out`; gives the lanes of the row's sum.
template <class T>
ORTEMBED_INLINE typename T::Float add_row(const float* x, const float* residual, std::size_t width, float* out) {
  typename T::Float sums[sums_at_once];
  unrolled<sums_at_once>([&](auto k) { sums[k] = T::zero(); });
  visit_vectors<T>(width, [&](auto k, std::size_t i, std::size_t count) {
    typename T::Float value = load_up_to<T>(x + i, count);
    if (residual != nullptr) value = T::add(value, load_up_to<T>(residual + i, count));
    sums[k] = T::add(sums[k], value);
    store_up_to<T>(out + i, value, count);
  });
  return sum_of<T>(sums);
}

// The lanes of the sum of squared distances from the mean.
template <class T>
ORTEMBED_INLINE typename T::Float squares_of(const float* x, std::size_t width, float mean) {
  typename T::Float squares[sums_at_once];
  unrolled<sums_at_once>([&](auto k) { squares[k] = T::zero(); });
  visit_vectors<T>(width, [&](auto k, std::size_t i, std::size_t count) {
    const typename T::Float centred = T::subtract(load_up_to<T>(x + i, count), T::set(mean));
    const typename T::Float kept = count < T::lanes ? T::first(count, centred, T::zero()) : centred;
    squares[k] = T::multiply_add(kept, kept, squares[k]);
  });
  return sum_of<T>(squares);
}

// In place: (x - mean) * factor * weight + bias.
template <class T>
ORTEMBED_INLINE void scale_row(float* x, std::size_t width, float mean, float factor, const float* weight,
                               const float* bias) {
  visit_vectors<T>(width, [&](auto, std::size_t i, std::size_t count) {
    const typename T::Float centred = T::subtract(load_up_to<T>(x + i, count), T::set(mean));
    const typename T::Float added = bias == nullptr ? T::zero() : load_up_to<T>(bias + i, count);
    const typename T::Float scaled = T::multiply(centred, T::set(factor));
    store_up_to<T>(x + i, T::multiply_add(scaled, load_up_to<T>(weight + i, count), added), count);
  });
}

// LayerNorm (Ba et al. 2016, arXiv:1607.06450) of some rows and their residuals.
template <class T>
void norm_together(const float* x, const float* residual, std::size_t count, std::size_t width, NormView norm,
                   float* out) {
  const float size = static_cast<float>(width);
  alignas(64) float lanes[most_rows_at_once * T::lanes];
  alignas(64) float means[most_rows_at_once];
  alignas(64) float squares[most_rows_at_once];
  for (std::size_t row = 0; row < count; ++row) {
    const float* added = residual == nullptr ? nullptr : residual + row * width;
    T::store(lanes + row * T::lanes, add_row<T>(x + row * width, added, width, out + row * width));
  }
  if (norm.weight == nullptr) return;
  T::reduce_add_rows(lanes, count, means);
  for (std::size_t row = 0; row < count; ++row) {
    means[row] /= size;
    T::store(lanes + row * T::lanes, squares_of<T>(out + row * width, width, means[row]));
  }
  T::reduce_add_rows(lanes, count, squares);
  for (std::size_t row = 0; row < count; ++row) {
    const float variance = squares[row] / size + norm.epsilon;
    const float poison = variance - variance;  // NaN where it is beyond float32, else 0
    scale_row<T>(out + row * width, width, means[row], 1 / T::square_root(variance) + poison, norm.weight, norm.bias);
  }
}

template <class T>
void norm_rows(const float* x, const float* residual, std::size_t count, std::size_t width, const NormView& norm,
               float* out) {
  visit_groups(count, 2 * width, [&](std::size_t row, std::size_t rows) {
    norm_together<T>(x + row * width, residual == nullptr ? nullptr : residual + row * width, rows, width, norm,
                     out + row * width);
  });
}

template <class T>
void gate_rows(float* x, std::size_t stride, std::size_t count, std::size_t columns, Activation activation) {
  with_activation(activation, [&](auto kind) {
    for (std::size_t row = 0; row < count; ++row) {
      float* gate = x + row * stride;
      const float* plain = gate + columns;
      visit_row<T>(
          columns,
          [&](std::size_t i) {
            T::store(gate + i, T::multiply(activate<T, kind()>(T::load(gate + i)), T::load(plain + i)));
          },
          [&](std::size_t i, std::size_t part) {
            const typename T::Float gated = activate<T, kind()>(T::load_part(gate + i, part));
            T::store_part(gate + i, T::multiply(gated, T::load_part(plain + i, part)), part);
          });
    }
  });
}

}  // namespace ortembed::kernels
