// Owns the operator Layer: one transformer layer over packed texts.
#include "ort/operators/layer_kernel.h"

#include <cstdint>
#include <limits>

#include "ort/operators/linear_inputs.h"
#include "ort/operators/norm_inputs.h"

namespace ortembed::ort {
namespace {

using kernels::LayerLinears;
using kernels::LayerSettings;

// The first of each group: a linear is six inputs, a norm two.
enum Input : std::size_t {
  hidden = 0,
  offsets = 1,
  query_key_value = 2,
  attention_output = 8,
  inner = 14,
  outer = 20,
  attention_norm = 26,
  output_norm = 28,
  relative_bias = 30,
  cosines = 31,
  sines = 32
};

constexpr std::int64_t most_of_heads = 1 << 16;  // so that products of them are small
constexpr std::int64_t most_reach = std::numeric_limits<std::int32_t>::max();

std::size_t read_positive(const Node& node, const char* attribute) {
  return static_cast<std::size_t>(node.integer(attribute, 1, most_of_heads));
}

void read_relative_bias(const Node& node, LayerSettings& settings) {
  if (!node.has(relative_bias)) return;
  const Constant table = node.constant(relative_bias, {ElementType::float32}, 2);
  const auto distances = static_cast<std::size_t>(table.shape.dimensions[1]);
  if (distances % 2 == 0) node.fail_input(relative_bias, "has no column for distance 0 in its middle");
  settings.relative_bias = node.floats(relative_bias, {settings.heads, distances});
  settings.most_distance = static_cast<std::int64_t>(distances / 2);
}

void read_rotary(const Node& node, LayerSettings& settings) {
  if (!node.has(cosines) && !node.has(sines)) return;
  const Constant table = node.constant(cosines, {ElementType::float32}, 2);
  if (settings.head_width % 2 != 0) node.fail_input(cosines, "is given for heads of an odd width");
  if (!node.has(sines)) node.fail_input(sines, "is missing beside the cosines");
  settings.positions = table.shape.dimensions[0];
  const auto positions = static_cast<std::size_t>(settings.positions);
  settings.cosines = node.floats(cosines, {positions, settings.head_width / 2});
  settings.sines = node.floats(sines, {positions, settings.head_width / 2});
}

LayerSettings read_settings(const Node& node) {
  node.check_run_input(hidden, ElementType::float32);
  node.check_run_input(offsets, ElementType::int64);
  LayerSettings settings;
  settings.width = linear_shape(node, query_key_value).inputs;
  settings.heads = read_positive(node, "heads");
  settings.head_width = read_positive(node, "head_width");
  settings.activation = kernels::activation_from_name(node.text("activation"));
  settings.is_gated = node.flag("gated");
  settings.norms_first = node.flag("norms_first");
  settings.reach = node.integer("reach", -1, most_reach);
  const float epsilon = node.epsilon();
  settings.attention_norm = read_norm(node, attention_norm, attention_norm + 1, settings.width, epsilon);
  settings.output_norm = read_norm(node, output_norm, output_norm + 1, settings.width, epsilon);
  read_relative_bias(node, settings);
  read_rotary(node, settings);
  return settings;
}

LayerLinears read_linears(const Node& node, const LayerSettings& layer, const OperatorSettings& settings) {
  const std::size_t attended = layer.heads * layer.head_width;
  const std::size_t inner_outputs = linear_shape(node, inner).outputs;
  if (layer.is_gated && inner_outputs % 2 != 0) node.fail_input(inner, "has no even number of columns to be gated");
  const auto read = [&](std::size_t weight, LinearShape shape) { return read_linear(node, weight, shape, settings); };
  return {read(query_key_value, {layer.width, 3 * attended}), read(attention_output, {attended, layer.width}),
          read(inner, {layer.width, inner_outputs}),
          read(outer, {layer.is_gated ? inner_outputs / 2 : inner_outputs, layer.width})};
}

kernels::EncoderLayer make_layer(const Node& node, const OperatorSettings& settings) {
  const LayerSettings layer = read_settings(node);
  return {*settings.kernels, layer, read_linears(node, layer, settings), settings.memories};
}

}  // namespace

LayerKernel::LayerKernel(const Node& node, const OperatorSettings& settings)
    : width_(linear_shape(node, query_key_value).inputs),
      threads_(settings.threads),
      layer_(make_layer(node, settings)) {}

void LayerKernel::run(KernelRun& run) const {
  const auto states = run.matrix(hidden, width_);
  const std::size_t tokens = states.size() / width_;
  const kernels::PackedTexts texts(run.integers(offsets), static_cast<std::int64_t>(tokens));
  float* const output = run.output(tokens, width_);
  if (tokens == 0) return;
  const auto threads = static_cast<std::size_t>(threads_);
  kernels::EncoderLayer::Run layer_run(layer_, texts, states.data(), output, threads);
  run.on_threads(threads_, [&]() noexcept { layer_run.work(); });
}

}  // namespace ortembed::ort
