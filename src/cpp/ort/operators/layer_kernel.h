// Owns the operator Layer: one transformer layer over packed texts.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "kernels/encoder_layer.h"
#include "ort/operators/kernel_run.h"
#include "ort/operators/node.h"
#include "ort/operators/operator_settings.h"

namespace ortembed::ort {

class LayerKernel {
 public:
  static constexpr auto name = "Layer";
  static constexpr std::array<std::string_view, 33> inputs{
      "hidden",
      "offsets",
      "query_key_value",
      "query_key_value_scale",
      "query_key_value_bias",
      "query_key_value_input_scale",
      "query_key_value_float_channels",
      "query_key_value_float_weight",
      "attention_output",
      "attention_output_scale",
      "attention_output_bias",
      "attention_output_input_scale",
      "attention_output_float_channels",
      "attention_output_float_weight",
      "inner",
      "inner_scale",
      "inner_bias",
      "inner_input_scale",
      "inner_float_channels",
      "inner_float_weight",
      "outer",
      "outer_scale",
      "outer_bias",
      "outer_input_scale",
      "outer_float_channels",
      "outer_float_weight",
      "attention_norm_weight",
      "attention_norm_bias",
      "output_norm_weight",
      "output_norm_bias",
      "relative_bias",
      "cosines",
      "sines",
  };

  // Throws Error(model_load).
  LayerKernel(const Node& node, const OperatorSettings& settings);
  // Throws Error(inference).
  void run(KernelRun& run) const;

 private:
  std::size_t width_;
  int threads_;
  kernels::EncoderLayer layer_;
};

}  // namespace ortembed::ort
