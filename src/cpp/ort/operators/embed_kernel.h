// Owns the operator Embed: ids and offsets of packed texts to their first hidden states.
#pragma once

#include <array>
#include <string_view>

#include "kernels/embedding.h"
#include "ort/operators/kernel_run.h"
#include "ort/operators/node.h"
#include "ort/operators/operator_settings.h"

namespace ortembed::ort {

class EmbedKernel {
 public:
  static constexpr auto name = "Embed";
  static constexpr std::array<std::string_view, 7> inputs{
      "ids", "offsets", "word", "word_scale", "position", "norm_weight", "norm_bias",
  };

  // Throws Error(model_load).
  EmbedKernel(const Node& node, const OperatorSettings& settings);
  // Throws Error(inference).
  void run(KernelRun& run) const;

 private:
  const kernels::KernelTable* table_;
  kernels::EmbeddingSettings settings_;
};

}  // namespace ortembed::ort
