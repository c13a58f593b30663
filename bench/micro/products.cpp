// Owns the measurement of the kernels' products: dense layers of MiniLM's sizes on one core. Prints JSON.
// Arguments: an instruction set, then numbers of rows; or --list for the instruction sets that this machine has.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/bfloat16.h"
#include "kernels/isa.h"
#include "kernels/kernel_table.h"
#include "kernels/packed_linear.h"

namespace {

using namespace ortembed::kernels;

constexpr int trials = 40;
constexpr double trial_seconds = 0.003;  // well below a scheduler's slice, so that some trials run undisturbed

struct Shape {
  std::size_t inputs;
  std::size_t outputs;
};
// Query, key and value together; the attention's output; the two of the feed-forward.
constexpr Shape shapes[] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<float> random_values(std::size_t count, float scale) {
  static std::mt19937 random(1);
  std::normal_distribution<float> values(0, scale);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random); });
  return result;
}

PackedLinear packed(const KernelTable& kernels, Shape shape, WeightType type) {
  const std::vector<float> values = random_values(shape.inputs * shape.outputs, 40);
  const std::vector<float> scale(shape.outputs, 0.0004F);
  const std::vector<float> bias(shape.outputs, 0.1F);
  std::vector<std::int8_t> codes;
  std::vector<std::uint16_t> halves;
  for (const float value : values) {
    codes.push_back(static_cast<std::int8_t>(std::clamp(value, -127.0F, 127.0F)));
    halves.push_back(bfloat16_of(value * 0.0004F));
  }
  LinearWeights weights;
  weights.type = type;
  weights.inputs = shape.inputs;
  weights.outputs = shape.outputs;
  weights.bias = bias.data();
  weights.weight = halves.data();
  if (type == WeightType::int8) {
    weights.weight = codes.data();
    weights.scale = scale.data();
  }
  return PackedLinear(kernels, weights);
}

// The most operations a second, in 1e9: a multiplication and an addition are two.
double rate(const KernelTable& kernels, const PackedLinear& linear, std::size_t rows) {
  const bool has_codes = linear.type() == WeightType::int8;
  const OperandLayout& layout = has_codes ? kernels.int8 : kernels.bfloat16;
  const std::vector<float> x = random_values(rows * linear.inputs(), 1);
  std::vector<float> out(rows * linear.outputs());
  std::vector<RowScale> scales(rows);
  const std::size_t stride = layout.row_bytes(linear.inputs());
  const AlignedBytes operands = aligned_bytes(rows * stride);
  if (has_codes) {
    kernels.quantize_rows(x.data(), linear.inputs(), rows, linear.inputs(), nullptr, operands.get(), stride,
                          scales.data());
  } else {
    kernels.round_rows(x.data(), linear.inputs(), rows, linear.inputs(), operands.get(), stride);
  }
  const OperandRows view{operands.get(), stride, has_codes ? scales.data() : nullptr, rows};
  const LinearOutput output{reinterpret_cast<std::byte*>(out.data()), linear.outputs() * sizeof(float), false};
  const auto run = [&](int times) {
    const double start = seconds();
    for (int i = 0; i < times; ++i) {
      kernels.linear(view, linear.view(), 0, layout.panels(linear.outputs()), Activation::none, output);
    }
    return (seconds() - start) / times;
  };
  run(2);
  const int times = std::max(1, static_cast<int>(trial_seconds / run(2)));
  double best = run(times);
  for (int trial = 1; trial < trials; ++trial) best = std::min(best, run(times));
  return 2.0 * static_cast<double>(rows * linear.inputs() * linear.outputs()) / best / 1e9;
}

void print_rates(Isa isa, WeightType type, std::span<const std::size_t> row_counts, bool& is_first) {
  const KernelTable& kernels = kernels_of(isa);
  for (const Shape shape : shapes) {
    const PackedLinear linear = packed(kernels, shape, type);
    for (const std::size_t rows : row_counts) {
      std::printf("%s{\"isa\": \"%s\", \"dtype\": \"%s\", \"inputs\": %zu, \"outputs\": %zu, \"rows\": %zu, ",
                  is_first ? "" : ",\n ", std::string(name(isa)).c_str(),
                  type == WeightType::int8 ? "int8" : "bfloat16", shape.inputs, shape.outputs, rows);
      std::printf("\"rate\": %.2f}", rate(kernels, linear, rows));
      is_first = false;
    }
  }
}

// Without plain, which is a reference and no faster than it has to be.
std::vector<Isa> fast_isas() {
  std::vector<Isa> isas;
  std::ranges::copy_if(available_isas(), std::back_inserter(isas), [](Isa isa) { return isa != Isa::plain; });
  return isas;
}

void print_isas() {
  const std::vector<Isa> isas = fast_isas();
  std::printf("[");
  for (std::size_t i = 0; i < isas.size(); ++i) {
    std::printf("%s\"%s\"", i == 0 ? "" : ", ", std::string(name(isas[i])).c_str());
  }
  std::printf("]\n");
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view wanted = count > 1 ? arguments[1] : "--list";
  if (wanted == "--list") return print_isas(), 0;
  const std::vector<Isa> isas = fast_isas();
  const auto isa = std::ranges::find(isas, wanted, &name);
  if (isa == isas.end()) return std::fprintf(stderr, "usage: products --list|ISA ROWS...\n"), 2;
  std::vector<std::size_t> row_counts;
  for (int i = 2; i < count; ++i) row_counts.push_back(std::strtoull(arguments[i], nullptr, 10));
  bool is_first = true;
  std::printf("[");
  for (const WeightType type : {WeightType::int8, WeightType::bfloat16}) {
    print_rates(*isa, type, row_counts, is_first);
  }
  std::printf("]\n");
}
