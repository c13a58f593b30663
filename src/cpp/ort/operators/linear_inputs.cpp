// Owns the reading and packing of a linear's inputs: weight, scale, bias, input scale, channels in float and theirs.
#include "ort/operators/linear_inputs.h"

#include <exception>
#include <memory>
#include <string>

namespace ortembed::ort {
namespace {

using kernels::LinearWeights;
using kernels::WeightType;

// From the weight on.
constexpr std::size_t scale = 1, bias = 2, input_scale = 3, float_channels = 4, float_weight = 5;
constexpr std::size_t inputs_of_a_linear = 6;

Constant read_weight(const Node& node, std::size_t weight) {
  return node.constant(weight, {ElementType::int8, ElementType::bfloat16}, 2);
}

void read_float_channels(const Node& node, std::size_t weight, LinearWeights& weights) {
  const std::size_t channels = weight + float_channels;
  if (!node.has(channels) && !node.has(weight + float_weight)) return;
  if (weights.type != WeightType::int8) node.fail_input(channels, "is for weights of int8 alone");
  if (!node.has(channels)) node.fail_input(channels, "is missing beside their weight");
  if (!node.has(weight + float_weight)) node.fail_input(weight + float_weight, "is missing beside the channels");
  const Constant list = node.constant(channels, {ElementType::int64}, 1);
  weights.float_channels = static_cast<const std::int64_t*>(list.data);
  weights.float_channel_count = static_cast<std::size_t>(list.shape.dimensions[0]);
  weights.float_weight = node.floats(weight + float_weight, {weights.float_channel_count, weights.outputs});
}

LinearWeights read_weights(const Node& node, std::size_t weight, LinearShape shape) {
  const Constant matrix = read_weight(node, weight);
  const TensorShape wanted{matrix.shape.type,
                           {static_cast<std::int64_t>(shape.inputs), static_cast<std::int64_t>(shape.outputs)}};
  if (matrix.shape != wanted) {
    node.fail_input(weight, "is " + describe(matrix.shape) + ", not " + describe(wanted));
  }
  const bool is_int8 = matrix.shape.type == ElementType::int8;
  LinearWeights weights{is_int8 ? WeightType::int8 : WeightType::bfloat16,
                        shape.inputs,
                        shape.outputs,
                        matrix.data,
                        node.floats(weight + scale, {shape.outputs}),
                        node.floats(weight + bias, {shape.outputs}),
                        node.floats(weight + input_scale, {shape.inputs})};
  if (is_int8 && weights.scale == nullptr) node.fail_input(weight + scale, "is missing for weights of int8");
  if (!is_int8 && weights.scale != nullptr) node.fail_input(weight + scale, "is for weights of int8 alone");
  if (!is_int8 && weights.input_scale != nullptr) {
    node.fail_input(weight + input_scale, "is for weights of int8 alone");
  }
  read_float_channels(node, weight, weights);
  return weights;
}

PackedLinears::Names names_of(const Node& node, std::size_t weight) {
  PackedLinears::Names names;
  for (std::size_t i = 0; i < inputs_of_a_linear; ++i) names.push_back(node.input_name(weight + i));
  return names;
}

}  // namespace

LinearShape linear_shape(const Node& node, std::size_t weight) {
  const auto dimensions = read_weight(node, weight).shape.dimensions;
  return {static_cast<std::size_t>(dimensions[0]), static_cast<std::size_t>(dimensions[1])};
}

PackedLinears::Linear read_linear(const Node& node, std::size_t weight, LinearShape shape,
                                  const OperatorSettings& settings) {
  const LinearWeights weights = read_weights(node, weight, shape);
  const auto pack = [&] { return std::make_shared<const kernels::PackedLinear>(*settings.kernels, weights); };
  try {
    return settings.linears == nullptr ? pack() : settings.linears->get(names_of(node, weight), pack);
  } catch (const std::exception& error) {  // one of memory too
    node.fail_input(weight, std::string("cannot be packed: ") + error.what());
  }
}

}  // namespace ortembed::ort
