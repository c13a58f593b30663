// Owns the encoder that runs an ONNX graph through ONNX Runtime, in batches of any shape or packed.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/encoder_graph.h"

namespace ortembed {

class OrtEncoder final : public Encoder {
 public:
  // Throws Error(model_load) when the graph cannot be loaded, is not an encoder's, or the embeddings do not fit it;
  // Error(provider_unavailable) for a provider that cannot be had.
  OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model, const ort::SessionSettings& settings,
             std::optional<EmbeddingTable> embeddings);

  std::int64_t dimension() const override { return graph_.dimension(); }
  bool is_pooled() const override { return graph_.is_pooled(); }
  const BatchLayout& layout() const override { return layout_; }
  HiddenStates run(const InputTensors& tensors, Cores cores) const override;

  std::vector<ort::AssignedPart> assignment() const { return all_cores_.assignment(); }

 private:
  const ort::Session& session(Cores cores) const;

  mutable RunMemories run_memories_;
  ort::Model model_;
  ort::SessionSettings settings_;
  ort::Session all_cores_;
  // A session has a fixed number of threads. This one has one, and is made when it is first needed.
  mutable std::unique_ptr<const ort::Session> one_core_;
  mutable std::atomic<const ort::Session*> ready_ = nullptr;  // one_core_ once it is there, or what stands in for it
  mutable std::mutex making_;
  EncoderGraph graph_;
  BatchLayout layout_;
};

}  // namespace ortembed
