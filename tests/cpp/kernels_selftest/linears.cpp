// Owns the checks of quantized rows and of linears against exact products.
#include <algorithm>
#include <utility>

#include "check.h"
#include "kernels/packed_linear.h"

namespace ortembed::selftest {

using kernels::KernelTable;
using kernels::RowScale;

std::vector<float> Random::rows(std::size_t count, std::size_t columns) {
  std::vector<float> values = normals(count * columns);
  for (std::size_t row = 0; row < count; ++row) {
    float* const first = values.data() + row * columns;
    const std::size_t kind = below(6);
    if (kind == 0) first[below(columns)] = 1e4F;
    if (kind == 1) std::fill_n(first, columns, first[0]);
    for (std::size_t j = 0; j < columns && kind >= 2; ++j) first[j] *= kind == 2 ? 1e-30F : kind == 3 ? 1e25F : 1;
  }
  return values;
}

namespace {

struct Quantized {
  std::vector<std::int64_t> codes;
  std::vector<RowScale> scales;
  Bytes data;
  std::size_t stride;
};

template <class Code>
void read_codes(const std::byte* row, std::size_t columns, std::vector<std::int64_t>& codes) {
  for (std::size_t j = 0; j < columns; ++j) {
    Code code;
    std::memcpy(&code, row + j * sizeof code, sizeof code);
    codes.push_back(code);
  }
}

Quantized quantize(const KernelTable& table, const std::vector<float>& x, std::size_t count, std::size_t columns) {
  const std::size_t stride = table.int8.row_bytes(columns);
  Quantized rows{{}, std::vector<RowScale>(count), Bytes(count * stride), stride};
  table.quantize_rows(x.data(), columns, count, columns, nullptr, rows.data.get(), stride, rows.scales.data());
  for (std::size_t row = 0; row < count; ++row) {
    const std::byte* const data = rows.data.get() + row * stride;
    // Codes have a sign where the row's least value lies that far below its offset.
    const float least = *std::min_element(x.begin() + static_cast<std::ptrdiff_t>(row * columns),
                                          x.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns));
    const bool has_sign = least < rows.scales[row].offset - rows.scales[row].scale;
    if (table.int8.row_value_bytes == 2) {
      has_sign ? read_codes<std::int16_t>(data, columns, rows.codes)
               : read_codes<std::uint16_t>(data, columns, rows.codes);
    } else {
      has_sign ? read_codes<std::int8_t>(data, columns, rows.codes)
               : read_codes<std::uint8_t>(data, columns, rows.codes);
    }
  }
  return rows;
}

// Panels in two calls, in whatever order.
std::vector<float> multiply(const kernels::OperandRows& rows, const KernelTable& table,
                            const kernels::LinearView& view, kernels::Activation activation, Random& random) {
  std::vector<float> output(rows.count * view.outputs, NAN);
  const kernels::LinearOutput target{reinterpret_cast<std::byte*>(output.data()), view.outputs * sizeof(float),
                                     false};
  const auto& layout = view.type == kernels::WeightType::int8 ? table.int8 : table.bfloat16;
  const std::size_t panels = layout.panels(view.outputs);
  const std::size_t cut = random.between(0, panels);
  table.linear(rows, view, cut, panels, activation, target);
  table.linear(rows, view, 0, cut, activation, target);
  return output;
}

struct Shape {
  explicit Shape(Random& random)
      : count(random.between(1, 20)), inputs(random.between(1, 200)), outputs(random.between(1, 150)) {}
  std::size_t count;
  std::size_t inputs;
  std::size_t outputs;
};

// activation(y) of a y that may be off by `bound`: none of them is steeper than 1.13.
void expect_activated(float actual, const Expected& y, kernels::Activation activation, std::size_t row,
                      std::size_t column) {
  const Expected expected = activated(activation, y.value);
  const double bound = 1.13 * y.bound + expected.bound + rounding * std::abs(expected.value);
  expect_near(actual, expected.value, bound, row, column);
}

// What an int8 linear gives for the codes that the rows have. The sum is exact, and no term of the rest is rounded
// more than six times.
Expected int8_result(const Quantized& rows, std::size_t row, const std::int8_t* weight, std::size_t inputs,
                     std::size_t outputs, double worth, double bias) {
  std::int64_t sum = 0;
  std::int64_t weights = 0;
  for (std::size_t k = 0; k < inputs; ++k) {
    sum += rows.codes[row * inputs + k] * weight[k * outputs];
    weights += weight[k * outputs];
  }
  const double product = static_cast<double>(sum) * rows.scales[row].scale * worth;
  const double shift = static_cast<double>(weights) * rows.scales[row].offset * worth;
  const double magnitude = std::abs(product) + std::abs(shift) + std::abs(bias);
  return {product + shift + bias, 6 * rounding * magnitude + (std::abs(static_cast<double>(sum)) + 4) * tiny};
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
  const Quantized rows = quantize(table, x, shape.count, shape.inputs);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [scale, offset] = rows.scales[i / shape.inputs];
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(i / shape.inputs * shape.inputs);
    double largest = 0;
    std::for_each_n(first, shape.inputs, [&](float value) { largest = std::max<double>(largest, std::abs(value)); });
    const double meant = static_cast<double>(scale) * static_cast<double>(rows.codes[i]) + offset;
    expect_near(meant, x[i], scale * (0.5 + 0x1p-12) + 4 * rounding * largest + 256 * tiny, i / shape.inputs,
                i % shape.inputs);
  }
}

void check_int8(const KernelTable& table, Random& random) {
  const Shape shape(random);
  const std::vector<float> x = random.rows(shape.count, shape.inputs);
  std::vector<std::int8_t> weight(shape.inputs * shape.outputs);
  for (auto& code : weight) code = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
  std::vector<float> scale = random.normals(shape.outputs, 0.01F);
  for (float& value : scale) value = std::abs(value) + 1e-3F;
  const std::vector<float> bias = random.normals(shape.outputs);
  const kernels::PackedLinear packed(table, {kernels::WeightType::int8, shape.inputs, shape.outputs, weight.data(),
                                             scale.data(), bias.data(), nullptr});
  const Quantized rows = quantize(table, x, shape.count, shape.inputs);
  const auto activation = activations[random.below(5)];
  const auto output = multiply({rows.data.get(), rows.stride, rows.scales.data(), shape.count}, table, packed.view(),
                               activation, random);
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t row = i / shape.outputs;
    const std::size_t column = i % shape.outputs;
    const Expected expected =
        int8_result(rows, row, weight.data() + column, shape.inputs, shape.outputs, scale[column], bias[column]);
    expect_activated(output[i], expected, activation, row, column);
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
  const auto output = multiply({rows.get(), stride, nullptr, shape.count}, table, packed.view(), activation, random);
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t row = i / shape.outputs;
    const std::size_t column = i % shape.outputs;
    const Expected expected = bfloat16_result(x.data() + row * shape.inputs, weight.data() + column, shape.inputs,
                                              shape.outputs, bias[column]);
    expect_activated(output[i], expected, activation, row, column);
  }
}

}  // namespace ortembed::selftest
