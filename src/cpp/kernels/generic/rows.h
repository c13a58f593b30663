// Owns what is done to one row of hidden states after another: quantizing, rounding, norms, gates.
#pragma once

#include <cstddef>

#include "kernels/generic/activations.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

template <class T>
ORTEMBED_INLINE typename T::Float scaled(const float* x, const float* scale, std::size_t i) {
  const typename T::Float value = T::load(x + i);
  return scale == nullptr ? value : T::multiply(value, T::load(scale + i));
}

template <class T>
ORTEMBED_INLINE typename T::Float scaled_part(const float* x, const float* scale, std::size_t i, std::size_t count) {
  const typename T::Float value = T::load_part(x + i, count);
  return scale == nullptr ? value : T::multiply(value, T::load_part(scale + i, count));
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

// Of one row, several vectors at a time, since each waits for the one before.
template <class T>
Range<T> range_of(const float* x, std::size_t size, const float* input_scale) {
  const float first = input_scale == nullptr ? x[0] : x[0] * input_scale[0];
  Range<T> ranges[] = {Range<T>(first), Range<T>(first), Range<T>(first), Range<T>(first)};
  constexpr std::size_t step = 4 * T::lanes;
  const std::size_t whole = size / step * step;
  for (std::size_t i = 0; i < whole; i += step) {
    unrolled<4>([&](auto k) { ranges[k].see(scaled<T>(x, input_scale, i + k * T::lanes)); });
  }
  visit_row<T>(
      size - whole, [&](std::size_t i) { ranges[0].see(scaled<T>(x, input_scale, whole + i)); },
      [&](std::size_t i, std::size_t count) {
        ranges[0].see(T::first(count, scaled_part<T>(x, input_scale, whole + i, count), T::set(first)));
      });
  unrolled<3>([&](auto k) { ranges[0].join(ranges[k + 1]); });
  return ranges[0];
}

// The codes of one row: 0 stands for its smallest value, Dot::levels for its largest. A row with a value that is not
// finite gets a scale that is not, so that no vector made of it is.
template <class T, class Dot>
RowScale quantize_row(const float* x, std::size_t size, const float* input_scale, std::byte* out) {
  const Range<T> range = range_of<T>(x, size, input_scale);
  const float least = T::reduce_min(range.low);
  const float scale = (T::reduce_max(range.high) - least) / Dot::levels + T::reduce_add(range.poison);
  const float inverse = scale > 0 ? 1 / scale : 0;
  const typename T::Float factor = T::set(inverse);
  const typename T::Float start = T::set(-least * inverse);
  const auto code = [&](typename T::Float value) { return T::multiply_add(value, factor, start); };
  constexpr std::size_t step = Dot::code_vectors * T::lanes;
  const std::size_t whole = size / step * step;
  for (std::size_t i = 0; i < whole; i += step) {
    typename T::Float codes[Dot::code_vectors];
    unrolled<Dot::code_vectors>([&](auto k) { codes[k] = code(scaled<T>(x, input_scale, i + k * T::lanes)); });
    Dot::store_codes(out, i, codes);
  }
  for (std::size_t i = whole; i < size; i += T::lanes) {
    const std::size_t count = size - i < T::lanes ? size - i : T::lanes;
    Dot::store_codes_part(out, i, code(scaled_part<T>(x, input_scale, i, count)), count);
  }
  return {scale, least + scale * Dot::first_code_steps};
}

template <class T, class Dot>
void quantize_rows(const float* x, std::size_t stride, std::size_t count, std::size_t columns,
                   const float* input_scale, std::byte* out, std::size_t out_stride, RowScale* scales) {
  const std::size_t used = columns * Dot::row_value_bytes;
  const std::size_t end = (used + Dot::cell_bytes - 1) / Dot::cell_bytes * Dot::cell_bytes;
  for (std::size_t row = 0; row < count; ++row) {
    std::byte* target = out + row * out_stride;
    scales[row] = quantize_row<T, Dot>(x + row * stride, columns, input_scale, target);
    for (std::size_t i = used; i < end; ++i) target[i] = std::byte{0};  // of the last cell
  }
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

// Sums that go side by side, since each addition waits for the one before.
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

// LayerNorm (Ba et al. 2016, arXiv:1607.06450) of values that lie in `out` already.
template <class T>
void norm_row(float* out, std::size_t width, float sum, const NormView& norm) {
  const float size = static_cast<float>(width);
  const typename T::Float mean = T::set(sum / size);
  typename T::Float squares[sums_at_once];
  unrolled<sums_at_once>([&](auto k) { squares[k] = T::zero(); });
  visit_vectors<T>(width, [&](auto k, std::size_t i, std::size_t count) {
    const typename T::Float centred = T::subtract(load_up_to<T>(out + i, count), mean);
    const typename T::Float kept = count < T::lanes ? T::first(count, centred, T::zero()) : centred;
    squares[k] = T::multiply_add(kept, kept, squares[k]);
  });
  const float variance = T::reduce_add(sum_of<T>(squares)) / size + norm.epsilon;
  const float poison = variance - variance;  // NaN where it is beyond float32, else 0
  const typename T::Float factor = T::set(1 / T::square_root(variance) + poison);
  const auto normed = [&](typename T::Float x, typename T::Float weight, typename T::Float bias) {
    return T::multiply_add(T::multiply(T::subtract(x, mean), factor), weight, bias);
  };
  visit_row<T>(
      width,
      [&](std::size_t i) {
        const typename T::Float bias = norm.bias == nullptr ? T::zero() : T::load(norm.bias + i);
        T::store(out + i, normed(T::load(out + i), T::load(norm.weight + i), bias));
      },
      [&](std::size_t i, std::size_t count) {
        const typename T::Float bias = norm.bias == nullptr ? T::zero() : T::load_part(norm.bias + i, count);
        T::store_part(out + i, normed(T::load_part(out + i, count), T::load_part(norm.weight + i, count), bias),
                      count);
      });
}

template <class T>
void norm_rows(const float* x, const float* residual, std::size_t count, std::size_t width, const NormView& norm,
               float* out) {
  for (std::size_t row = 0; row < count; ++row) {
    const float* left = x + row * width;
    const float* right = residual == nullptr ? nullptr : residual + row * width;
    float* target = out + row * width;
    typename T::Float sums[sums_at_once];
    unrolled<sums_at_once>([&](auto k) { sums[k] = T::zero(); });
    visit_vectors<T>(width, [&](auto k, std::size_t i, std::size_t part) {
      typename T::Float value = load_up_to<T>(left + i, part);
      if (right != nullptr) value = T::add(value, load_up_to<T>(right + i, part));
      sums[k] = T::add(sums[k], value);
      store_up_to<T>(target + i, value, part);
    });
    if (norm.weight != nullptr) norm_row<T>(target, width, T::reduce_add(sum_of<T>(sums)), norm);
  }
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
