// Owns what the sessions of one encoder's graph have in common: which tensors go in, and what has to come out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/buffer_pool.h"
#include "engine/embedded_tensors.h"
#include "engine/embedding_table.h"
#include "engine/encoder.h"
#include "engine/graph_signature.h"
#include "ort/session.h"

namespace ortembed {

using RunMemories = BufferPool<ort::RunMemory>;

class EncoderGraph {
 public:
  // Reads the graph off a session, whose batches are of the shape where one is given. A graph that takes hidden and
  // mask needs the embeddings; one that takes ids must have none. The memories are borrowed; they outlive the
  // sessions, whose kernels might keep a block.
  // Throws Error(model_load) when the graph is not an encoder's, or the embeddings do not fit it.
  EncoderGraph(const ort::Session& session, RunMemories& memories, std::optional<EmbeddingTable> embeddings,
               const std::optional<BatchShape>& shape = std::nullopt);

  std::int64_t dimension() const { return dimension_; }
  bool is_pooled() const { return signature_.is_pooled; }
  bool is_packed() const { return signature_.is_packed; }
  // Thread-safe. Throws Error(inference).
  HiddenStates run(const ort::Session& session, const InputTensors& tensors) const;

 private:
  void check_embeddings() const;
  std::vector<std::int64_t> output_shape(const InputTensors& tensors) const;
  ort::ValueHandle run_graph(const ort::Session& session, const InputTensors& tensors, ort::RunMemory& memory) const;
  ort::ValueHandle wrap(InputRole role, const InputTensors& tensors, const EmbeddedTensors& embedded) const;
  std::int64_t probe_dimension(const ort::Session& session, const BatchShape& shape) const;

  RunMemories& memories_;
  ort::TensorFactory tensors_;
  GraphSignature signature_;
  std::optional<EmbeddingTable> embeddings_;
  mutable BufferPool<EmbeddedTensors> embedded_tensors_;
  std::int64_t dimension_ = 0;
};

}  // namespace ortembed
