// Owns the reading and packing of a linear's four inputs: weight, scale, bias, input scale.
#include "ort/operators/linear_inputs.h"

#include <memory>
#include <string>

#include "base/error.h"

namespace ortembed::ort {
namespace {

using kernels::LinearWeights;
using kernels::WeightType;

constexpr std::size_t scale = 1, bias = 2, input_scale = 3;  // from the weight on
constexpr std::size_t inputs_of_a_linear = 4;

Constant read_weight(const Node& node, std::size_t weight) {
  return node.constant(weight, {ElementType::int8, ElementType::bfloat16}, 2);
}

LinearWeights read_weights(const Node& node, std::size_t weight, LinearShape shape) {
  const Constant matrix = read_weight(node, weight);
  const TensorShape wanted{matrix.shape.type,
                           {static_cast<std::int64_t>(shape.inputs), static_cast<std::int64_t>(shape.outputs)}};
  if (matrix.shape != wanted) {
    node.fail_input(weight, "is " + describe(matrix.shape) + ", not " + describe(wanted));
  }
  const bool is_int8 = matrix.shape.type == ElementType::int8;
  const LinearWeights weights{is_int8 ? WeightType::int8 : WeightType::bfloat16,
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
  return weights;
}

// Of all four, since what is packed is made of all.
std::string name_of(const Node& node, std::size_t weight) {
  std::string name;
  for (std::size_t i = 0; i < inputs_of_a_linear; ++i) name += node.input_name(weight + i) + '\n';
  return name;
}

}  // namespace

LinearShape linear_shape(const Node& node, std::size_t weight) {
  const auto dimensions = read_weight(node, weight).shape.dimensions;
  return {static_cast<std::size_t>(dimensions[0]), static_cast<std::size_t>(dimensions[1])};
}

PackedLinears::Linear read_linear(const Node& node, std::size_t weight, LinearShape shape, PackedLinears& linears,
                                  const kernels::KernelTable& kernels) {
  const LinearWeights weights = read_weights(node, weight, shape);
  try {
    return linears.get(name_of(node, weight),
                       [&] { return std::make_shared<const kernels::PackedLinear>(kernels, weights); });
  } catch (const Error& error) {
    node.fail_input(weight, std::string("cannot be packed: ") + error.what());
  }
}

}  // namespace ortembed::ort
