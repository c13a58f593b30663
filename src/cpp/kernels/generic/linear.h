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

// What a row's integer sums mean: scale * column scale * sum + offset * (sum of the column's weights) + bias.
template <class T>
ORTEMBED_INLINE typename T::Float meaning(const std::int32_t* sums, typename T::Float scale, typename T::Float offset,
                                          typename T::Float column_scale, typename T::Float offset_sum,
                                          typename T::Float bias) {
  const typename T::Float start = T::multiply_add(offset, offset_sum, bias);
  return T::multiply_add(T::multiply(T::to_float(sums), scale), column_scale, start);
}

// The tile's sums, and what the channels add that are multiplied in float.
template <class T, class Dot, class Element, Activation activation>
ORTEMBED_INLINE void finish_columns(const Finish& tile, const LinearView& linear) {
  constexpr std::size_t columns = Multipliers<Dot>::most_columns;
  const std::size_t padded = layout_of<Dot>().panels(linear.outputs) * columns;
  const std::size_t channels = linear.float_channel_count;
  for (std::size_t row = 0; row < tile.rows; ++row) {
    const auto* sums = static_cast<const std::int32_t*>(tile.sums) + row * columns;
    const typename T::Float scale = T::set(tile.scales[row].scale);
    const typename T::Float offset = T::set(tile.scales[row].offset);
    for (std::size_t j = 0; j < tile.columns; j += T::lanes) {
      const std::size_t column = tile.column + j;
      typename T::Float value = meaning<T>(sums + j, scale, offset, T::load(linear.scale + column),
                                           T::load(linear.offset_sum + column), T::load(linear.bias + column));
      for (std::size_t k = 0; k < channels; ++k) {
        const typename T::Float x = T::set(tile.float_values[row * channels + k]);
        value = T::multiply_add(x, T::load(linear.float_weight + k * padded + column), value);
      }
      write_columns<T, Element>(tile.out + row * tile.out_stride, j, activate<T, activation>(value),
                                tile.columns - j);
    }
  }
}

// The same for a whole panel with `channels` of those: what belongs to the columns is read once for all rows.
template <class T, class Dot, class Element, Activation activation, std::size_t channels>
ORTEMBED_INLINE void finish_panel(const Finish& given, const LinearView& linear) {
  constexpr std::size_t vectors = Multipliers<Dot>::most_vectors;
  constexpr std::size_t columns = Multipliers<Dot>::most_columns;
  const Finish tile = given;  // in registers: what is written could lie anywhere, as far as the compiler knows
  const std::size_t padded = layout_of<Dot>().panels(linear.outputs) * columns;
  typename T::Float scales[vectors];
  typename T::Float offset_sums[vectors];
  typename T::Float biases[vectors];
  typename T::Float weights[channels + 1][vectors];
  unrolled<vectors>([&](auto j) {
    const std::size_t column = tile.column + j * T::lanes;
    scales[j] = T::load(linear.scale + column);
    offset_sums[j] = T::load(linear.offset_sum + column);
    biases[j] = T::load(linear.bias + column);
    unrolled<channels>([&](auto k) { weights[k][j] = T::load(linear.float_weight + k * padded + column); });
  });
  const auto* sums = static_cast<const std::int32_t*>(tile.sums);
  const float* x = tile.float_values;
  std::byte* out = tile.out;
  for (std::size_t row = 0; row < tile.rows; ++row, sums += columns, x += channels, out += tile.out_stride) {
    const typename T::Float scale = T::set(tile.scales[row].scale);
    const typename T::Float offset = T::set(tile.scales[row].offset);
    unrolled<vectors>([&](auto j) {
      typename T::Float value = meaning<T>(sums + j * T::lanes, scale, offset, scales[j], offset_sums[j], biases[j]);
      unrolled<channels>([&](auto k) { value = T::multiply_add(T::set(x[k]), weights[k][j], value); });
      Element::store_values(out, j * T::lanes, activate<T, activation>(value));
    });
  }
}

template <class T, class Dot, class Element, Activation activation>
ORTEMBED_NOINLINE void finish_codes(const Finish& tile) {
  const LinearView& linear = *tile.linear;
  const bool is_whole = tile.columns == Multipliers<Dot>::most_columns;
  if (is_whole && linear.float_channel_count == 0) return finish_panel<T, Dot, Element, activation, 0>(tile, linear);
  if (is_whole && linear.float_channel_count == 2) return finish_panel<T, Dot, Element, activation, 2>(tile, linear);
  finish_columns<T, Dot, Element, activation>(tile, linear);
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
    visit_tiles(rows.count, Dot::tile_rows, rows_together<Dot>(), [&](std::size_t row, std::size_t count) {
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
