// Owns dense layers: products tile by tile, and what is done to a tile's sums before they are written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/generic/activations.h"
#include "kernels/generic/product.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

template <class Dot>
constexpr OperandLayout layout_of() {
  return {Dot::values_per_cell, Multipliers<Dot>::most_columns, Dot::row_value_bytes, Dot::weight_value_bytes,
          Dot::most_inputs};
}

// The sums of one tile on their way to the output.
struct Finish {
  const void* sums;  // [rows, most_columns]
  const RowScale* scales;
  const float* float_values;
  std::size_t rows;
  const LinearView* linear;
  std::size_t column;   // the first
  std::size_t columns;  // those that there are
  std::byte* out;       // of the first row and column
  std::size_t out_stride;
};

template <class T, class Element>
ORTEMBED_INLINE void write_columns(std::byte* out, std::size_t j, typename T::Float value, std::size_t left) {
  if (left >= T::lanes) {
    Element::store_values(out, j, value);
  } else {
    Element::store_values_part(out, j, value, left);
  }
}

// How many channels are multiplied in float, where that is known as it is compiled.
constexpr std::size_t any_number = static_cast<std::size_t>(-1);

// Adds what the channels give that are multiplied in float, to one vector of one row.
template <class T, std::size_t channels>
ORTEMBED_INLINE typename T::Float add_channels(typename T::Float value, const float* x, std::size_t count,
                                               const float* weight, std::size_t padded, std::size_t j) {
  if constexpr (channels == any_number) {
    for (std::size_t k = 0; k < count; ++k) {
      value = T::multiply_add(T::set(x[k]), T::load(weight + k * padded + j), value);
    }
  } else {
    unrolled<channels>(
        [&](auto k) { value = T::multiply_add(T::set(x[k]), T::load(weight + k * padded + j), value); });
  }
  return value;
}

// What the tile's integer sums mean: scale * column scale * sum + offset * (sum of the column's weights) + bias.
template <class T, class Dot, class Element, Activation activation, std::size_t channels>
ORTEMBED_INLINE void finish_columns(const Finish& given, const LinearView& linear) {
  const Finish tile = given;  // in registers: what is written could lie anywhere, as far as the compiler knows
  const float* scales = linear.scale + tile.column;
  const float* offset_sums = linear.offset_sum + tile.column;
  const float* biases = linear.bias + tile.column;
  const float* float_weight = linear.float_weight == nullptr ? nullptr : linear.float_weight + tile.column;
  const std::size_t count = linear.float_channel_count;
  const std::size_t padded = layout_of<Dot>().panels(linear.outputs) * Multipliers<Dot>::most_columns;
  const auto* sums = static_cast<const std::int32_t*>(tile.sums);
  for (std::size_t j = 0; j < tile.columns; j += T::lanes) {
    const typename T::Float scale = T::load(scales + j);
    const typename T::Float offset_sum = T::load(offset_sums + j);
    const typename T::Float bias = T::load(biases + j);
    std::byte* out = tile.out;
    for (std::size_t row = 0; row < tile.rows; ++row, out += tile.out_stride) {
      const typename T::Float sum = T::to_float(sums + row * Multipliers<Dot>::most_columns + j);
      const typename T::Float start = T::multiply_add(T::set(tile.scales[row].offset), offset_sum, bias);
      const typename T::Float whole = T::multiply_add(T::multiply(sum, T::set(tile.scales[row].scale)), scale, start);
      const typename T::Float value =
          add_channels<T, channels>(whole, tile.float_values + row * count, count, float_weight, padded, j);
      write_columns<T, Element>(out, j, activate<T, activation>(value), tile.columns - j);
    }
  }
}

template <class T, class Dot, class Element, Activation activation>
ORTEMBED_NOINLINE void finish_codes(const Finish& tile) {
  const LinearView& linear = *tile.linear;
  if (linear.float_channel_count == 0) return finish_columns<T, Dot, Element, activation, 0>(tile, linear);
  if (linear.float_channel_count == 2) return finish_columns<T, Dot, Element, activation, 2>(tile, linear);
  finish_columns<T, Dot, Element, activation, any_number>(tile, linear);
}

template <class T, class Dot, class Element, Activation activation>
ORTEMBED_NOINLINE void finish_floats(const Finish& given) {
  const Finish tile = given;
  const float* biases = tile.linear->bias + tile.column;
  const auto* sums = static_cast<const float*>(tile.sums);
  for (std::size_t j = 0; j < tile.columns; j += T::lanes) {
    const typename T::Float bias = T::load(biases + j);
    std::byte* out = tile.out;
    for (std::size_t row = 0; row < tile.rows; ++row, out += tile.out_stride) {
      const typename T::Float value = T::add(T::load(sums + row * Multipliers<Dot>::most_columns + j), bias);
      write_columns<T, Element>(out, j, activate<T, activation>(value), tile.columns - j);
    }
  }
}

template <class T, class Dot, class Element>
void (*finisher(Activation activation))(const Finish&) {
  void (*found)(const Finish&) = nullptr;
  with_activation(activation, [&](auto kind) {
    if constexpr (Dot::has_codes) {
      found = &finish_codes<T, Dot, Element, kind()>;
    } else {
      found = &finish_floats<T, Dot, Element, kind()>;
    }
  });
  return found;
}

template <class T, class Dot>
void linear_rows(const OperandRows& rows, const LinearView& linear, std::size_t first, std::size_t end,
                 Activation activation, const LinearOutput& output) {
  using Attended = typename T::AttentionDot;
  static constexpr Multipliers<Dot> multipliers;
  constexpr std::size_t columns = Multipliers<Dot>::most_columns;
  const auto finish = output.for_attention ? finisher<T, Dot, Attended>(activation)
                                           : finisher<T, Dot, typename T::FloatElement>(activation);
  const std::size_t value_bytes = output.for_attention ? Attended::row_value_bytes : sizeof(float);
  alignas(64) typename Dot::Value sums[Dot::tile_rows * columns];
  for (std::size_t panel = first; panel < end; ++panel) {
    const std::size_t column = panel * columns;
    const std::size_t used = linear.outputs - column < columns ? linear.outputs - column : columns;
    visit_tiles<Dot::tile_rows, rows_together<Dot>()>(rows.count, [&](std::size_t row, std::size_t count) {
      multipliers(count, Dot::tile_vectors)({rows.data + row * rows.stride, rows.stride,
                                             linear.panels + panel * linear.panel_bytes,
                                             Dot::tile_vectors * Dot::vector_bytes, linear.cells, sums, columns});
      finish({sums, rows.scales == nullptr ? nullptr : rows.scales + row,
              rows.float_values == nullptr ? nullptr : rows.float_values + row * linear.float_channel_count, count,
              &linear, column, used, output.data + row * output.stride + column * value_bytes, output.stride});
    });
  }
}

}  // namespace ortembed::kernels
