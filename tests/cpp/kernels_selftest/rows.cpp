// Owns random rows, and the checks of norms, gates and activations against doubles.
#include <algorithm>

#include "check.h"

namespace ortembed::selftest {

using kernels::Activation;
using kernels::Isa;
using kernels::KernelTable;

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

bool looks_up(Isa isa) { return isa == Isa::avx512 || isa == Isa::avx512_vnni || isa == Isa::avx512_bf16; }

double gelu_error(double size) { return (size < 5 ? 6.8e-5 : 1e-6) * size; }

double gelu_error_by_quarters(double size) {
  const double most = size < 3.5 ? 6.3e-5 : size < 5 ? 1.3e-4 : 1.5e-6 + 2 * rounding * size;
  return std::min(most, 3e-4 * size);
}

}  // namespace

Expected activated(const KernelTable& table, Activation activation, double x) {
  if (activation == Activation::none) return {x, 0};
  if (activation == Activation::relu) return {std::max(x, 0.0), 0};
  // As `kernels/generic` states it.
  if (activation == Activation::gelu) {
    const double most = looks_up(table.isa) ? gelu_error_by_quarters(std::abs(x)) : gelu_error(std::abs(x));
    return {0.5 * x * std::erfc(-x / std::sqrt(2.0)), most + 1e-37};
  }
  const double argument =
      activation == Activation::silu ? x : 2 * std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  const double value = x / (1 + std::exp(-argument));
  return {value, std::abs(value) * (4e-7 + rounding * (2 + 6 * std::min(std::abs(argument), 90.0))) +
                     2 * tiny * (std::abs(x) + 1)};
}

namespace {

void expect_normed(std::span<const float> sums, const kernels::NormView& norm, const float* output, std::size_t row) {
  const auto width = static_cast<double>(sums.size());
  double mean = 0;
  double magnitude = 0;
  double variance = 0;
  for (const float sum : sums) {
    mean += sum / width;
    magnitude += std::abs(sum) / width;
  }
  for (const float sum : sums) variance += (sum - mean) * (sum - mean) / width;
  const double spread = std::sqrt(variance + norm.epsilon);
  // The mean is off by its roundings, the variance by what that and its own do.
  const double off = (width + 2) * rounding * (magnitude + spread) / spread;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double normed = (sums[i] - mean) / spread;
    const double expected = normed * norm.weight[i] + (norm.bias == nullptr ? 0 : norm.bias[i]);
    const double bound = std::abs(norm.weight[i]) * (1 + std::abs(normed)) * (2 * off + off * off) +
                         4 * rounding * (1 + std::abs(expected) + std::abs(normed * norm.weight[i]));
    expect_near(output[i], expected, bound, row, i);
  }
}

}  // namespace

void check_norm(const KernelTable& table, Random& random) {
  const std::size_t count = random.between(1, 9);
  const std::size_t width = random.between(1, 400);
  const std::vector<float> x = random.normals(count * width);
  const std::vector<float> residual = random.normals(count * width);
  const std::vector<float> weight = random.normals(width);
  const std::vector<float> bias = random.normals(width);
  const bool is_added = random.coin();
  const kernels::NormView norm{weight.data(), random.coin() ? bias.data() : nullptr, 1e-5F};
  std::vector<float> output(x);
  table.norm_rows(output.data(), is_added ? residual.data() : nullptr, count, width, norm, output.data());
  for (std::size_t row = 0; row < count; ++row) {
    std::vector<float> sums(width);
    for (std::size_t i = 0; i < width; ++i) {
      sums[i] = x[row * width + i] + (is_added ? residual[row * width + i] : 0);
    }
    expect_normed(sums, norm, output.data() + row * width, row);
  }
}

void check_gate(const KernelTable& table, Random& random) {
  const std::size_t count = random.between(1, 9);
  const std::size_t columns = random.between(1, 200);
  const auto activation = activations[random.between(1, 4)];
  const std::vector<float> x = random.normals(count * 2 * columns, 3);
  std::vector<float> gated(x);
  table.gate_rows(gated.data(), 2 * columns, count, columns, activation);
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t i = 0; i < columns; ++i) {
      const Expected expected = activated(table, activation, x[row * 2 * columns + i]);
      const double plain = x[(row * 2 + 1) * columns + i];
      const double bound = std::abs(plain) * expected.bound + 2 * rounding * std::abs(expected.value * plain) + tiny;
      expect_near(gated[row * 2 * columns + i], expected.value * plain, bound, row, i);
    }
  }
}

}  // namespace ortembed::selftest
