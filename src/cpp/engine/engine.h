// Owns the way from pre-encoded texts to vectors: plan, tensors, run, pool, normalize, each row to its place.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/process.h"
#include "engine/batch_plan.h"
#include "engine/encoder.h"
#include "engine/pooling.h"
#include "engine/token_batch.h"

namespace ortembed {

struct EngineSettings {
  Pooling pooling = Pooling::mean;
  TokenLimits token_limits;
  PlanLimits plan_limits;
};

// Row-major [rows, columns] of the caller's.
struct OutputRows {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;  // at most the encoder's dimension; fewer truncates, before normalization

  std::span<float> row(std::size_t index) const { return {data + index * columns, columns}; }
};

class Engine {
 public:
  Engine(std::unique_ptr<Encoder> encoder, const EngineSettings& settings);

  std::int64_t dimension() const { return encoder_->dimension(); }

  // Encodes row i of the ids into row i of the output. Thread-safe. Throws Error(invalid_input) before anything
  // runs, Error(inference) when the model fails or a vector that is returned is not finite, and
  // Error(service_unavailable) in a process forked from the one that made the engine.
  void encode(TokenIds ids, std::span<const std::int64_t> offsets, const OutputRows& output, bool normalize) const;

 private:
  class TensorsLease;

  void check_process() const;
  void check_output(const TokenBatch& tokens, const OutputRows& output) const;
  void encode_batch(const TokenBatch& tokens, const PlannedBatch& batch, InputTensors& tensors,
                    const OutputRows& output, bool normalize) const;
  void finish_row(const float* hidden, std::int64_t tokens, std::span<float> output) const;

  HomeProcess home_;
  std::unique_ptr<Encoder> encoder_;
  EngineSettings settings_;
  // Input buffers of finished calls, taken up again by the next ones; one for each call under way at once.
  mutable std::mutex idle_mutex_;
  mutable std::vector<std::unique_ptr<InputTensors>> idle_tensors_;
  mutable std::size_t tensors_made_ = 0;
};

}  // namespace ortembed
