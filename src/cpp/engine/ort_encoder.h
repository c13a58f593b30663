// Owns the encoder that runs an ONNX graph through ONNX Runtime.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "base/buffer_pool.h"
#include "engine/embedded_tensors.h"
#include "engine/embedding_table.h"
#include "engine/encoder.h"
#include "engine/graph_signature.h"
#include "ort/session.h"

namespace ortembed {

class OrtEncoder final : public Encoder {
 public:
  // A graph that takes hidden and mask needs the embeddings; one that takes ids must have none.
  // Throws Error(model_load) when the graph cannot be loaded, is not an encoder's, or the embeddings do not fit it.
  OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model, const ort::SessionSettings& settings,
             std::optional<EmbeddingTable> embeddings);

  std::int64_t dimension() const override { return dimension_; }
  bool is_pooled() const override { return signature_.is_pooled; }
  HiddenStates run(const InputTensors& tensors, Cores cores) const override;

 private:
  void check_embeddings() const;
  const ort::Session& session(Cores cores) const;
  ort::ValueHandle run_graph(const InputTensors& tensors, Cores cores, ort::RunMemory& memory) const;
  ort::ValueHandle wrap(InputRole role, const InputTensors& tensors, const EmbeddedTensors& embedded) const;
  std::int64_t probe_dimension() const;

  mutable BufferPool<ort::RunMemory> run_memories_;  // outlives the sessions, whose kernels might keep a block
  ort::Model model_;
  int threads_;
  ort::Session all_cores_;
  // A session has a fixed number of threads. This one has one, and is made when it is first needed.
  mutable std::unique_ptr<const ort::Session> one_core_;
  mutable std::atomic<const ort::Session*> ready_ = nullptr;  // one_core_ once it is there, or what stands in for it
  mutable std::mutex making_;
  ort::TensorFactory tensors_;
  GraphSignature signature_;
  std::optional<EmbeddingTable> embeddings_;
  mutable BufferPool<EmbeddedTensors> embedded_tensors_;
  std::int64_t dimension_ = 0;
};

}  // namespace ortembed
