// Owns the view of an instruction set's table of kernels: one function for each, numpy arrays in and out.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernel_arrays.h"
#include "kernel_views.h"
#include "kernels/isa.h"
#include "kernels/kernel_table.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {

const kernels::KernelTable& kernels_named(const std::string& name) {
  for (const kernels::Isa isa : kernels::available_isas()) {
    if (kernels::name(isa) == name) return kernels::kernels_of(isa);
  }
  throw Error(ErrorCode::invalid_input, "no kernels for " + name);
}

namespace {

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const kernels::Isa isa : kernels::available_isas()) names.emplace_back(kernels::name(isa));
  return names;
}

nb::dict layout_of(const kernels::OperandLayout& layout) {
  nb::dict fields;
  fields["values_per_cell"] = layout.values_per_cell;
  fields["columns_per_panel"] = layout.columns_per_panel;
  fields["row_value_bytes"] = layout.row_value_bytes;
  fields["most_inputs"] = layout.most_inputs;
  return fields;
}

nb::dict layouts(const std::string& isa) {
  const auto& table = kernels_named(isa);
  nb::dict result;
  result["int8"] = layout_of(table.int8);
  result["bfloat16"] = layout_of(table.bfloat16);
  result["attention_value_bytes"] = table.attention_value_bytes;
  return result;
}

// Rows of bytes as the kernel left them, and of each row its scale and offset.
auto quantize_rows(const std::string& isa, const Rows& x, const MaybeVector& input_scale, std::size_t gap) {
  const auto& table = kernels_named(isa);
  const StridedRows rows(x, x.shape(1) + gap);
  const std::vector<float> channels = copy_of(input_scale);
  const std::size_t row_bytes = table.int8.row_bytes(rows.columns());
  const ExactBytes codes(rows.count() * row_bytes);
  std::vector<kernels::RowScale> scales(rows.count());
  table.quantize_rows(rows.data(), rows.stride(), rows.count(), rows.columns(), or_null(channels), codes.data(),
                      row_bytes, scales.data());
  static_assert(sizeof(kernels::RowScale) == 2 * sizeof(float));
  return std::pair(to_numpy(reinterpret_cast<const std::uint8_t*>(codes.data()), {rows.count(), row_bytes}),
                   to_numpy(reinterpret_cast<const float*>(scales.data()), {rows.count(), std::size_t{2}}));
}

auto round_rows(const std::string& isa, const Rows& x, std::size_t gap) {
  const auto& table = kernels_named(isa);
  const StridedRows rows(x, x.shape(1) + gap);
  const std::size_t row_bytes = table.bfloat16.row_bytes(rows.columns());
  const ExactBytes values(rows.count() * row_bytes);
  table.round_rows(rows.data(), rows.stride(), rows.count(), rows.columns(), values.data(), row_bytes);
  return to_numpy(reinterpret_cast<const std::uint8_t*>(values.data()), {rows.count(), row_bytes});
}

// `place`: "apart", or in place of "x" or of the "residual".
auto norm_rows(const std::string& isa, const MaybeRows& x, const MaybeRows& residual, const MaybeVector& weight,
               const MaybeVector& bias, float epsilon, const std::string& place) {
  const Rows& shape = x ? *x : residual.value();
  const std::size_t count = shape.shape(0);
  const std::size_t width = shape.shape(1);
  std::vector<float> first = copy_of(x);
  std::vector<float> second = copy_of(residual);
  std::vector<float> apart(place == "apart" ? count * width : 0);
  float* const out = place == "apart" ? apart.data() : place == "x" ? first.data() : second.data();
  const std::vector<float> weights = copy_of(weight);
  const std::vector<float> biases = copy_of(bias);
  kernels_named(isa).norm_rows(or_null(first), or_null(second), count, width,
                               {or_null(weights), or_null(biases), epsilon}, out);
  return to_numpy(out, {count, width});
}

// [count, columns] and, where there is a gap, what lies behind the columns of x.
auto gate_rows(const std::string& isa, const Rows& x, const std::string& activation, std::size_t gap) {
  const StridedRows rows(x, x.shape(1) + gap);
  const std::size_t columns = x.shape(1) / 2;
  kernels_named(isa).gate_rows(rows.data(), rows.stride(), rows.count(), columns, activation_named(activation));
  std::vector<float> gated;
  std::vector<float> behind;
  for (std::size_t row = 0; row < rows.count(); ++row) {
    gated.insert(gated.end(), rows.at(row), rows.at(row) + columns);
    if (row + 1 < rows.count()) behind.insert(behind.end(), rows.at(row) + 2 * columns, rows.at(row + 1));
  }
  return std::pair(to_numpy(gated.data(), {rows.count(), columns}), to_numpy(behind.data(), {behind.size()}));
}

std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

// Query, key and value side by side, `gap` values from token to token, in the type that attention reads.
ExactBytes attention_input(const Rows& query, const Rows& key, const Rows& value, std::size_t value_bytes,
                           std::size_t gap) {
  const std::size_t width = query.shape(1);
  const std::size_t tokens = query.shape(0);
  ExactBytes bytes((tokens * (3 * width + gap) - gap) * value_bytes);
  const Rows* const parts[] = {&query, &key, &value};
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t column = 0; column < 3 * width; ++column) {
      const float number = (*parts[column / width])(token, column % width);
      std::byte* const place = bytes.data() + (token * (3 * width + gap) + column) * value_bytes;
      const std::uint16_t rounded = to_bfloat16(number);
      std::memcpy(place, value_bytes == 4 ? static_cast<const void*>(&number) : &rounded, value_bytes);
    }
  }
  return bytes;
}

// [tokens, head_width + gap]: what lies behind the head's columns is as it was, NaN.
auto attend(const std::string& isa, const Rows& query, const Rows& key, const Rows& value, float scale,
            std::int64_t reach, const MaybeVector& relative_bias, const MaybeRows& cosines, const MaybeRows& sines,
            std::size_t gap) {
  const auto& table = kernels_named(isa);
  const std::size_t width = query.shape(1);
  const std::size_t tokens = query.shape(0);
  const ExactBytes input = attention_input(query, key, value, table.attention_value_bytes, gap);
  const std::vector<float> bias = copy_of(relative_bias);
  const std::vector<float> rotary[] = {copy_of(cosines), copy_of(sines)};
  const StridedRows output(tokens, width, width + gap);
  const ExactBytes scratch(table.attention_scratch(tokens, width));
  table.attend({
      .query = input.data(),
      .key = input.data() + width * table.attention_value_bytes,
      .value = input.data() + 2 * width * table.attention_value_bytes,
      .stride = (3 * width + gap) * table.attention_value_bytes,
      .tokens = tokens,
      .head_width = width,
      .scale = scale,
      .reach = reach,
      .relative_bias = bias.empty() ? nullptr : bias.data() + bias.size() / 2,
      .cosines = or_null(rotary[0]),
      .sines = or_null(rotary[1]),
      .output = output.data(),
      .output_stride = output.stride(),
      .scratch = scratch.data(),
  });
  std::vector<float> whole(output.data(), output.data() + output.size());
  whole.resize(tokens * output.stride(), std::bit_cast<float>(0xFFFFFFFFU));
  return to_numpy(whole.data(), {tokens, output.stride()});
}

}  // namespace

void register_kernels(nb::module_& module) {
  module.def("available_isas", isa_names);
  module.def("layouts", layouts, "isa"_a);
  module.def("quantize_rows", quantize_rows, "isa"_a, "x"_a, "input_scale"_a = nb::none(), "gap"_a = 0);
  module.def("round_rows", round_rows, "isa"_a, "x"_a, "gap"_a = 0);
  module.def("norm_rows", norm_rows, "isa"_a, "x"_a, "residual"_a = nb::none(), "weight"_a = nb::none(),
             "bias"_a = nb::none(), "epsilon"_a = 1e-12F, "place"_a = "apart");
  module.def("gate_rows", gate_rows, "isa"_a, "x"_a, "activation"_a, "gap"_a = 0);
  module.def("attend", attend, "isa"_a, "query"_a, "key"_a, "value"_a, "scale"_a = 1.0F, "reach"_a = -1,
             "relative_bias"_a = nb::none(), "cosines"_a = nb::none(), "sines"_a = nb::none(), "gap"_a = 0);
}

}  // namespace ortembed::testing
