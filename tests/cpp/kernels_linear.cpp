// Owns the view of packed linears: made of numpy arrays, multiplied by rows of float32.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kernel_arrays.h"
#include "kernel_views.h"
#include "kernels/packed_linear.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

using Codes = nb::ndarray<const std::int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bfloat16 = nb::ndarray<const std::uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Weight = std::variant<Codes, Bfloat16>;

// Nothing that the weights point to outlives this, so that a sanitizer sees what a packed linear has borrowed.
void make_linear(NativeLinear* linear, const std::string& isa, const Weight& weight, const MaybeVector& scale,
                 const MaybeVector& bias, const MaybeVector& input_scale,
                 const std::optional<Offsets>& float_channels, const MaybeRows& float_weight) {
  const auto& table = kernels_named(isa);
  const bool is_int8 = std::holds_alternative<Codes>(weight);
  const std::vector<float> scales = copy_of(scale);
  const std::vector<float> biases = copy_of(bias);
  const std::vector<float> input_scales = copy_of(input_scale);
  const auto channels = float_channels ? copy_of(*float_channels) : std::vector<std::int64_t>();
  const std::vector<float> floats = copy_of(float_weight);
  std::visit(
      [&](const auto& array) {
        const auto copy = copy_of(array);
        const kernels::LinearWeights weights{
            .type = is_int8 ? kernels::WeightType::int8 : kernels::WeightType::bfloat16,
            .inputs = array.shape(0),
            .outputs = array.shape(1),
            .weight = copy.data(),
            .scale = or_null(scales),
            .bias = or_null(biases),
            .input_scale = or_null(input_scales),
            .float_channels = channels.data(),
            .float_channel_count = channels.size(),
            .float_weight = or_null(floats),
        };
        new (linear) NativeLinear{&table, std::make_shared<const kernels::PackedLinear>(table, weights)};
      },
      weight);
}

struct Operand {
  ExactBytes data;
  std::size_t stride;
  std::vector<kernels::RowScale> scales;
  std::vector<float> float_values;
};

Operand operand_of(const kernels::KernelTable& table, const kernels::LinearView& view, const StridedRows& x) {
  const bool is_int8 = view.type == kernels::WeightType::int8;
  const std::size_t stride = (is_int8 ? table.int8 : table.bfloat16).row_bytes(x.columns());
  Operand operand{ExactBytes(x.count() * stride), stride, {}, {}};
  if (is_int8) {
    operand.scales.resize(x.count());
    table.quantize_rows(x.data(), x.stride(), x.count(), x.columns(), view.input_scale, operand.data.data(), stride,
                        operand.scales.data());
  } else {
    table.round_rows(x.data(), x.stride(), x.count(), x.columns(), operand.data.data(), stride);
  }
  for (std::size_t row = 0; row < x.count(); ++row) {
    for (const std::size_t channel : std::span(view.float_channels, view.float_channel_count)) {
      operand.float_values.push_back(x.at(row)[channel]);
    }
  }
  return operand;
}

// Rows of bytes, `stride` of them each, 0xFF where nothing was written; `panels` is [first, end) in each call.
auto multiply(const NativeLinear& linear, const Rows& x, const std::string& activation, bool for_attention,
              std::size_t gap, const std::vector<std::pair<std::size_t, std::size_t>>& panels) {
  const kernels::KernelTable& table = *linear.kernels;
  const kernels::LinearView& view = linear.packed->view();
  const StridedRows rows(x, x.shape(1));
  const Operand operand = operand_of(table, view, rows);
  const std::size_t value_bytes = for_attention ? table.attention_value_bytes : sizeof(float);
  const std::size_t stride = (view.outputs + gap) * value_bytes;
  const std::size_t whole = rows.count() * stride;
  const ExactBytes output(whole == 0 ? 0 : whole - gap * value_bytes);
  for (const auto& [first, end] : panels) {
    table.linear({operand.data.data(), operand.stride, operand.scales.empty() ? nullptr : operand.scales.data(),
                  rows.count(), or_null(operand.float_values)},
                 view, first, end, activation_named(activation), {output.data(), stride, for_attention});
  }
  std::vector<std::uint8_t> bytes(whole, unwritten);
  if (whole != 0) std::memcpy(bytes.data(), output.data(), output.size());
  return to_numpy(bytes.data(), {rows.count(), stride});
}

std::size_t panels(const NativeLinear& linear) {
  const auto& table = *linear.kernels;
  const bool is_int8 = linear.packed->type() == kernels::WeightType::int8;
  return (is_int8 ? table.int8 : table.bfloat16).panels(linear.packed->outputs());
}

}  // namespace

void register_linears(nb::module_& module) {
  nb::class_<NativeLinear>(module, "Linear")
      .def("__init__", make_linear, "isa"_a, "weight"_a, "scale"_a = nb::none(), "bias"_a = nb::none(),
           "input_scale"_a = nb::none(), "float_channels"_a = nb::none(), "float_weight"_a = nb::none())
      .def_prop_ro("panels", panels)
      .def("multiply", multiply, "x"_a, "activation"_a, "for_attention"_a, "gap"_a, "panels"_a);
}

}  // namespace ortembed::testing
