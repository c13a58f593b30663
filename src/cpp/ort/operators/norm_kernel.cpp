// Owns the operator Norm: a layer norm of each token's hidden state.
#include "ort/operators/norm_kernel.h"

namespace ortembed::ort {
namespace {

enum Input : std::size_t { hidden, weight, bias };

}  // namespace

NormKernel::NormKernel(const Node& node, const OperatorSettings& settings) : table_(settings.kernels) {
  node.check_run_input(hidden, ElementType::float32);
  const Constant weights = node.constant(weight, {ElementType::float32}, 1);
  width_ = static_cast<std::size_t>(weights.shape.dimensions[0]);
  norm_ = {node.floats(weight, {width_}), node.floats(bias, {width_}), node.epsilon()};
}

void NormKernel::run(KernelRun& run) const {
  const auto states = run.matrix(hidden, width_);
  const std::size_t rows = states.size() / width_;
  float* const output = run.output(rows, width_);
  if (rows > 0) table_->norm_rows(states.data(), nullptr, rows, width_, norm_, output);
}

}  // namespace ortembed::ort
