// Owns the checks of quantized rows and of linears against exact products.
#include "linears.h"

#include <algorithm>
#include <utility>

namespace ortembed::selftest {

using kernels::KernelTable;
using kernels::RowScale;

Int8Weights::Int8Weights(Random& random, const Shape& shape)
    : inputs(shape.inputs),
      outputs(shape.outputs),
      scale(random.normals(outputs, 0.01F)),
      bias(random.normals(outputs)),
      input_scale(random.normals(inputs)) {
  for (std::size_t i = 0; i < inputs * outputs; ++i) {
    codes.push_back(static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128));
  }
  for (float& value : scale) value = std::abs(value) + 1e-3F;
  for (std::size_t left = random.below(4); left > 0; --left) {
    const std::size_t channel = random.below(inputs);
    if (input_scale[channel] == 0) continue;
    channels.push_back(static_cast<std::int64_t>(channel));
    input_scale[channel] = 0;
    std::fill_n(codes.data() + channel * outputs, outputs, std::int8_t{0});
  }
  float_weight = random.normals(channels.size() * outputs);
}

kernels::PackedLinear Int8Weights::packed(const KernelTable& table) const {
  kernels::LinearWeights weights;
  weights.inputs = inputs;
  weights.outputs = outputs;
  weights.weight = codes.data();
  weights.scale = scale.data();
  weights.bias = bias.data();
  weights.input_scale = input_scale.data();
  weights.float_channels = channels.data();
  weights.float_channel_count = channels.size();
  weights.float_weight = float_weight.data();
  return {table, weights};
}

std::vector<float> Int8Weights::float_values(const std::vector<float>& x) const {
  std::vector<float> values;
  for (std::size_t row = 0; row < x.size() / inputs; ++row) {
    for (const std::int64_t channel : channels) values.push_back(x[row * inputs + static_cast<std::size_t>(channel)]);
  }
  return values;
}

QuantizedRows::QuantizedRows(const KernelTable& table, const std::vector<float>& x, std::size_t columns,
                             const float* input_scale)
    : scales(x.size() / columns), stride(table.int8.row_bytes(columns)), data(scales.size() * stride) {
  table.quantize_rows(x.data(), columns, scales.size(), columns, input_scale, data.get(), stride, scales.data());
}

std::vector<float> multiply(const kernels::OperandRows& rows, const KernelTable& table,
                            const kernels::LinearView& view, kernels::Activation activation, std::size_t cut) {
  std::vector<float> output(rows.count * view.outputs, NAN);
  const kernels::LinearOutput target{reinterpret_cast<std::byte*>(output.data()), view.outputs * sizeof(float),
                                     false};
  const auto& layout = view.type == kernels::WeightType::int8 ? table.int8 : table.bfloat16;
  const std::size_t panels = layout.panels(view.outputs);
  table.linear(rows, view, cut % (panels + 1), panels, activation, target);
  table.linear(rows, view, 0, cut % (panels + 1), activation, target);
  return output;
}

namespace {

template <class Code>
void read_codes(const std::byte* row, std::size_t columns, std::vector<std::int64_t>& codes) {
  for (std::size_t j = 0; j < columns; ++j) {
    Code code;
    std::memcpy(&code, row + j * sizeof code, sizeof code);
    codes.push_back(code);
  }
}

// Whether codes have a sign: those of a row from 0 to 255 then begin below 0.
bool have_sign(const KernelTable& table) {
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const QuantizedRows row(table, x, x.size(), nullptr);
  return row.scales[0].offset > row.scales[0].scale;
}

std::vector<std::int64_t> codes_of(const KernelTable& table, const QuantizedRows& rows, std::size_t columns) {
  const bool is_signed = have_sign(table);
  std::vector<std::int64_t> codes;
  for (std::size_t row = 0; row < rows.scales.size(); ++row) {
    const std::byte* const data = rows.data.get() + row * rows.stride;
    if (table.int8.row_value_bytes == 2) {
      is_signed ? read_codes<std::int16_t>(data, columns, codes) : read_codes<std::uint16_t>(data, columns, codes);
    } else {
      is_signed ? read_codes<std::int8_t>(data, columns, codes) : read_codes<std::uint8_t>(data, columns, codes);
    }
  }
  return codes;
}

// activation(y) of a y that may be off by its bound: none of them is steeper than 1.13.
void expect_activated(const KernelTable& table, float actual, const Expected& y, kernels::Activation activation,
                      std::size_t row, std::size_t column) {
  const Expected expected = activated(table, activation, y.value);
  const double bound = 1.13 * y.bound + expected.bound + rounding * std::abs(expected.value);
  expect_near(actual, expected.value, bound, row, column);
}

// What an int8 linear gives for the codes that a row has. The sum is exact, and no term of the rest is rounded more
// than six times, and once for each channel in float.
Expected int8_result(const Int8Weights& weights, const std::int64_t* codes, const float* x, RowScale scale,
                     std::size_t column) {
  std::int64_t sum = 0;
  std::int64_t shift = 0;
  for (std::size_t k = 0; k < weights.inputs; ++k) {
    sum += codes[k] * weights.codes[k * weights.outputs + column];
    shift += weights.codes[k * weights.outputs + column];
  }
  const double worth = weights.scale[column];
  const double terms[] = {static_cast<double>(sum) * scale.scale * worth,
                          static_cast<double>(shift) * scale.offset * worth, weights.bias[column]};
  Expected result{terms[0] + terms[1] + terms[2], std::abs(terms[0]) + std::abs(terms[1]) + std::abs(terms[2])};
  for (std::size_t i = 0; i < weights.channels.size(); ++i) {
    const double added =
        static_cast<double>(x[weights.channels[i]]) * weights.float_weight[i * weights.outputs + column];
    result.value += added;
    result.bound += std::abs(added);
  }
  const auto roundings = static_cast<double>(6 + weights.channels.size());
  result.bound = roundings * rounding * result.bound + (std::abs(static_cast<double>(sum)) + roundings) * tiny;
  return result;
}

// The same of a bfloat16 linear, whose sums are rounded in whatever order.
Expected bfloat16_result(const float* x, const std::uint16_t* weight, std::size_t inputs, std::size_t outputs,
                         double bias) {
  double sum = bias;
  double magnitude = std::abs(bias);
  for (std::size_t k = 0; k < inputs; ++k) {
    const double term = static_cast<double>(x[k]) * float_of(weight[k * outputs]);
    sum += term;
    magnitude += std::abs(term);
  }
  return {sum, static_cast<double>(inputs + 2) * (rounding * magnitude + 2 * tiny)};
}

}  // namespace

void check_quantize(const KernelTable& table, Random& random) {
  const Shape shape(random);
  const std::vector<float> x = random.rows(shape.count, shape.inputs);
  const std::vector<float> channels = random.normals(shape.inputs);
  const float* const input_scale = random.coin() ? channels.data() : nullptr;
  const QuantizedRows rows(table, x, shape.inputs, input_scale);
  const std::vector<std::int64_t> codes = codes_of(table, rows, shape.inputs);
  for (std::size_t row = 0; row < shape.count; ++row) {
    std::vector<double> wanted(x.begin() + static_cast<std::ptrdiff_t>(row * shape.inputs),
                               x.begin() + static_cast<std::ptrdiff_t>((row + 1) * shape.inputs));
    double largest = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (input_scale != nullptr) wanted[i] *= input_scale[i];
      largest = std::max(largest, std::abs(wanted[i]));
    }
    const auto [scale, offset] = rows.scales[row];
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double meant = static_cast<double>(scale) * static_cast<double>(codes[row * shape.inputs + i]) + offset;
      expect_near(meant, wanted[i], scale * (0.5 + 0x1p-12) + 4 * rounding * largest + 256 * tiny, row, i);
    }
  }
}

void check_int8(const KernelTable& table, Random& random) {
  const Shape shape(random);
  const std::vector<float> x = random.rows(shape.count, shape.inputs);
  const Int8Weights weights(random, shape);
  const kernels::PackedLinear packed = weights.packed(table);
  const QuantizedRows rows(table, x, shape.inputs, weights.input_scale.data());
  const std::vector<std::int64_t> codes = codes_of(table, rows, shape.inputs);
  const std::vector<float> values = weights.float_values(x);
  const auto activation = activations[random.below(5)];
  const auto output = multiply({rows.data.get(), rows.stride, rows.scales.data(), shape.count, values.data()}, table,
                               packed.view(), activation, random.below(100));
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t row = i / shape.outputs;
    const std::size_t first = row * shape.inputs;
    const Expected expected =
        int8_result(weights, codes.data() + first, x.data() + first, rows.scales[row], i % shape.outputs);
    expect_activated(table, output[i], expected, activation, row, i % shape.outputs);
  }
}

void check_bfloat16(const KernelTable& table, Random& random) {
  const Shape shape(random);
  std::vector<float> x = random.rows(shape.count, shape.inputs);
  for (float& value : x) value = float_of(bfloat16_of(value));  // so that products read it as it is
  std::vector<std::uint16_t> weight(shape.inputs * shape.outputs);
  for (auto& bits : weight) bits = bfloat16_of(random.normal());
  const std::vector<float> bias = random.normals(shape.outputs);
  const kernels::PackedLinear packed(table, {kernels::WeightType::bfloat16, shape.inputs, shape.outputs,
                                             weight.data(), nullptr, bias.data(), nullptr});
  const std::size_t stride = table.bfloat16.row_bytes(shape.inputs);
  const Bytes rows(shape.count * stride);
  table.round_rows(x.data(), shape.inputs, shape.count, shape.inputs, rows.get(), stride);
  const auto activation = activations[random.below(5)];
  const auto output =
      multiply({rows.get(), stride, nullptr, shape.count}, table, packed.view(), activation, random.below(100));
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t row = i / shape.outputs;
    const std::size_t column = i % shape.outputs;
    const Expected expected = bfloat16_result(x.data() + row * shape.inputs, weight.data() + column, shape.inputs,
                                              shape.outputs, bias[column]);
    expect_activated(table, output[i], expected, activation, row, column);
  }
}

}  // namespace ortembed::selftest
