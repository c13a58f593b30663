// Owns the encoder that runs an ONNX graph through ONNX Runtime.
#pragma once

#include <filesystem>

#include "engine/encoder.h"
#include "engine/graph_signature.h"
#include "ort/session.h"

namespace ortembed {

class OrtEncoder final : public Encoder {
 public:
  // Throws Error(model_load) when the graph cannot be loaded or is not an encoder's.
  OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model, const ort::SessionSettings& settings);

  std::int64_t dimension() const override { return dimension_; }
  bool is_pooled() const override { return signature_.is_pooled; }
  HiddenStates run(const InputTensors& tensors) const override;

 private:
  ort::ValueHandle run_graph(const InputTensors& tensors) const;
  std::int64_t probe_dimension() const;

  ort::Session session_;
  ort::TensorFactory tensors_;
  GraphSignature signature_;
  std::int64_t dimension_;
};

}  // namespace ortembed
