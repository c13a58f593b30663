// Owns the operators of ours that a session has, in the domain "ortembed".
#pragma once

#include "ort/handle.h"
#include "ort/operators/custom_op.h"
#include "ort/operators/embed_kernel.h"
#include "ort/operators/layer_kernel.h"
#include "ort/operators/norm_kernel.h"

namespace ortembed::ort {

// Has to outlive the session that it was added to.
class OperatorDomain {
 public:
  static constexpr auto name = "ortembed";

  // `threads` of the session, whose runs come to that many; `linears` of its model, which outlives it, or null.
  // Throws Error(invalid_input) where ORTEMBED_ISA names no instruction set of this machine, Error(model_load).
  OperatorDomain(const Api& api, int threads, PackedLinears* linears, std::shared_ptr<kernels::RunMemories> memories);
  OperatorDomain(const OperatorDomain&) = delete;
  OperatorDomain& operator=(const OperatorDomain&) = delete;

  void add_to(OrtSessionOptions* options) const;

 private:
  const Api* api_;
  OperatorSettings settings_;
  CustomOp<EmbedKernel> embed_;
  CustomOp<LayerKernel> layer_;
  CustomOp<NormKernel> norm_;
  CustomOpDomainHandle domain_;
};

}  // namespace ortembed::ort
