// Owns the operator Norm: a layer norm of each token's hidden state.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "kernels/kernel_table.h"
#include "ort/operators/kernel_run.h"
#include "ort/operators/node.h"
#include "ort/operators/operator_settings.h"

namespace ortembed::ort {

class NormKernel {
 public:
  static constexpr auto name = "Norm";
  static constexpr std::array<std::string_view, 3> inputs{"hidden", "weight", "bias"};

  // Throws Error(model_load).
  NormKernel(const Node& node, const OperatorSettings& settings);
  // Throws Error(inference).
  void run(KernelRun& run) const;

 private:
  const kernels::KernelTable* table_;
  std::size_t width_;
  kernels::NormView norm_;
};

}  // namespace ortembed::ort
