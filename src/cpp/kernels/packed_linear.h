// Owns the weights of one dense layer, packed for the kernels that will multiply by them.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/kernel_table.h"
#include "kernels/linear_weights.h"

namespace ortembed::kernels {

class PackedLinear {
 public:
  // Throws Error(model_load) when the sizes are none that the kernels can add up exactly.
  PackedLinear(const KernelTable& kernels, const LinearWeights& weights);

  const LinearView& view() const { return view_; }
  WeightType type() const { return view_.type; }
  std::size_t inputs() const { return view_.inputs; }
  std::size_t outputs() const { return view_.outputs; }

 private:
  void pack_columns(const LinearWeights& weights, std::size_t padded);

  AlignedBytes panels_;
  std::vector<float> columns_;
  std::vector<std::size_t> float_channels_;
  LinearView view_;
};

}  // namespace ortembed::kernels
