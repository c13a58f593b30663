// Owns the check of extreme numbers: what is not finite spoils its own row and no other, what is huge stays right.
#include <functional>
#include <limits>

#include "linears.h"

namespace ortembed::selftest {

using kernels::KernelTable;

namespace {

constexpr std::size_t count = 5;
using Kernel = std::function<std::vector<float>(const std::vector<float>& x)>;

// Rows of x before and after one value of one row is spoiled. `of_column`: of that row only the column counts.
void expect_spoiled(const Kernel& kernel, std::vector<float> x, std::size_t columns, std::size_t outputs,
                    bool of_column, Random& random, const std::string& what) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float values[] = {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity};
  const std::vector<float> before = kernel(x);
  const std::size_t row = random.below(count);
  const std::size_t column = random.below(columns);
  x[row * columns + column] = of_column ? values[0] : values[random.below(3)];
  const std::vector<float> after = kernel(x);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool is_spoiled = i / outputs == row && (!of_column || i % outputs == column % outputs);
    const bool is_same = std::memcmp(&before[i], &after[i], sizeof(float)) == 0;
    expect(is_spoiled ? !std::isfinite(after[i]) : is_same, what + " loses what is not finite, or spreads it");
  }
}

void spoil_int8(const KernelTable& table, Random& random) {
  const Shape shape(random);
  const Int8Weights weights(random, shape);
  const kernels::PackedLinear packed = weights.packed(table);
  const auto activation = random.coin() ? kernels::Activation::none : kernels::Activation::gelu;
  const auto kernel = [&](const std::vector<float>& x) {
    const QuantizedRows rows(table, x, shape.inputs, weights.input_scale.data());
    const std::vector<float> values = weights.float_values(x);
    return multiply({rows.data.get(), rows.stride, rows.scales.data(), count, values.data()}, table, packed.view(),
                    activation, 0);
  };
  const std::vector<float> x = random.normals(count * shape.inputs);
  expect_spoiled(kernel, x, shape.inputs, shape.outputs, false, random, "an int8 linear");
}

void spoil_bfloat16(const KernelTable& table, Random& random) {
  const Shape shape(random);
  const std::vector<std::uint16_t> ones(shape.inputs * shape.outputs, 0x3F80);
  kernels::LinearWeights weights;
  weights.type = kernels::WeightType::bfloat16;
  weights.inputs = shape.inputs;
  weights.outputs = shape.outputs;
  weights.weight = ones.data();
  const kernels::PackedLinear packed(table, weights);
  const auto kernel = [&](const std::vector<float>& x) {
    const std::size_t stride = table.bfloat16.row_bytes(shape.inputs);
    const Bytes rows(count * stride);
    table.round_rows(x.data(), shape.inputs, count, shape.inputs, rows.get(), stride);
    return multiply({rows.get(), stride, nullptr, count}, table, packed.view(), kernels::Activation::none, 0);
  };
  const std::vector<float> x = random.normals(count * shape.inputs);
  expect_spoiled(kernel, x, shape.inputs, shape.outputs, false, random, "a bfloat16 linear");
}

void spoil_norm(const KernelTable& table, Random& random) {
  const std::size_t width = random.between(1, 200);
  const std::vector<float> weight = random.normals(width);
  const auto kernel = [&](std::vector<float> x) {
    table.norm_rows(x.data(), nullptr, count, width, {weight.data(), nullptr, 1e-5F}, x.data());
    return x;
  };
  expect_spoiled(kernel, random.normals(count * width), width, width, false, random, "a norm");
}

void spoil_gate(const KernelTable& table, Random& random) {
  const std::size_t columns = random.between(1, 100);
  const auto activation = activations[random.between(1, 4)];
  const auto kernel = [&](std::vector<float> x) {
    table.gate_rows(x.data(), 2 * columns, count, columns, activation);
    std::vector<float> gated;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i % (2 * columns) < columns) gated.push_back(x[i]);
    }
    return gated;
  };
  expect_spoiled(kernel, random.normals(count * 2 * columns), 2 * columns, columns, true, random, "a gate");
}

// Each token sees itself and the others; queries, keys and values are the same.
std::vector<float> attend(const KernelTable& table, const std::vector<float>& x, std::size_t width, float scale) {
  std::vector<std::uint16_t> rounded;
  for (const float value : x) rounded.push_back(std::isnan(value) ? std::uint16_t{0x7FC0} : bfloat16_of(value));
  const auto* const data = table.attention_value_bytes == 2 ? reinterpret_cast<const std::byte*>(rounded.data())
                                                            : reinterpret_cast<const std::byte*>(x.data());
  std::vector<float> output(x.size(), 0);
  const Bytes scratch(table.attention_scratch(x.size() / width, width));
  table.attend({data, data, data, width * table.attention_value_bytes, x.size() / width, width, scale, -1, nullptr,
                nullptr, nullptr, output.data(), width, scratch.get()});
  return output;
}

// All queries see the key that is not a number.
void spoil_attention(const KernelTable& table, Random& random) {
  const std::size_t width = random.between(1, 80);
  std::vector<float> x = random.normals(count * width);
  x[random.below(x.size())] = std::numeric_limits<float>::quiet_NaN();
  for (const float value : attend(table, x, width, 0.3F)) expect(!std::isfinite(value), "attention loses a NaN");
}

// Tokens that are multiples of one have scores so far apart that the largest takes all, whatever its rounding.
void attend_far_apart(const KernelTable& table, Random& random) {
  const std::size_t width = random.between(1, 80);
  const float size = std::exp2(static_cast<float>(random.between(15, 55)));
  std::vector<float> x = random.normals(width, size);
  for (float& value : x) value = float_of(bfloat16_of(value));
  for (std::size_t i = width; i < count * width; ++i) x.push_back(x[i - width] / 2);
  const std::vector<float> output = attend(table, x, width, 1);
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t column = i % width;
    expect_near(output[i], x[column], short_rounding * std::abs(x[column]), i / width, column);
  }
}

}  // namespace

void check_hostile(const KernelTable& table, Random& random) {
  spoil_int8(table, random);
  spoil_bfloat16(table, random);
  spoil_norm(table, random);
  spoil_gate(table, random);
  spoil_attention(table, random);
  attend_far_apart(table, random);
}

}  // namespace ortembed::selftest
