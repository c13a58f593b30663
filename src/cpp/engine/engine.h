// Owns the way from pre-encoded texts to vectors, or to the hidden states of their tokens: plan, tensors, run, and
// for vectors pool, head and normalize, each row to its place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/buffer_pool.h"
#include "base/process.h"
#include "engine/batch_plan.h"
#include "engine/batch_runner.h"
#include "engine/call_control.h"
#include "engine/counters.h"
#include "engine/encoder.h"
#include "engine/head.h"
#include "engine/output_rows.h"
#include "engine/pooling.h"
#include "engine/token_batch.h"

namespace ortembed {

struct EngineSettings {
  std::vector<Pooling> poolings{Pooling::mean};  // several are concatenated; not used when the encoder pools
  TokenLimits token_limits;
  PlanLimits plan_limits;
};

struct EncodeOptions {
  bool normalize = true;         // scale each row to norm 1, after truncation
  std::int64_t skip_tokens = 0;  // the first so many tokens of each row, a prompt's, take no part in pooling
};

class Engine {
 public:
  // Throws Error(invalid_input) when there is no pooling, Error(model_load) when the head's steps do not fit.
  Engine(std::unique_ptr<Encoder> encoder, EngineSettings settings, std::vector<HeadStep> head_steps);

  // Length of a full vector.
  std::int64_t dimension() const { return head_.dimension(); }
  // Length of a token's hidden state. Throws Error(invalid_input) when the model's graph gives none.
  std::int64_t hidden_size() const;

  // Encodes row i of the ids into row i of the output. Thread-safe: concurrent calls share the cores batch by batch.
  // Throws Error(invalid_input) before anything runs, Error(inference) when the model fails or a vector that is
  // returned is not finite, Error(cancelled), what the control's progress throws, and Error(service_unavailable) in a
  // process forked from the one that made the engine.
  void encode(TokenIds ids, std::span<const std::int64_t> offsets, const OutputRows& output,
              const EncodeOptions& options, const CallControl& control = {}) const;

  // Writes the hidden state of ids[j], as the model's last layer gives it, into row j of the output. Otherwise as
  // encode.
  void hidden_states(TokenIds ids, std::span<const std::int64_t> offsets, const TokenRows& output,
                     const CallControl& control = {}) const;

  Counters::Values counters() const { return counters_.read(); }

  // Throws Error(service_unavailable) in a process forked from the one that made the engine.
  void check_process() const;

 private:
  struct Workspace {
    InputTensors tensors;
    HeadBuffers head;
    std::vector<float> vector;  // one row, before it is written in another precision
  };

  // Takes what one batch gave to its places in the output.
  using Write = std::function<void(const PlannedBatch& batch, const HiddenStates& hidden, Workspace& workspace)>;

  std::int64_t pooled_dimension() const;
  TokenBatch check_tokens(TokenIds ids, std::span<const std::int64_t> offsets) const;
  void check_output(const TokenBatch& tokens, const OutputRows& output) const;
  void check_skip(const TokenBatch& tokens, std::int64_t skip_tokens) const;
  void check_output(const TokenBatch& tokens, const TokenRows& output) const;
  void run(const TokenBatch& tokens, StopWatch& watch, const Write& write, const CallControl& control) const;
  void run_batch(const TokenBatch& tokens, const PlannedBatch& batch, Cores cores, const Write& write) const;
  // Where what a batch gave for its text i begins.
  const float* states(const PlannedBatch& batch, const HiddenStates& hidden, std::size_t i) const;
  void write_rows(const TokenBatch& tokens, const PlannedBatch& batch, const HiddenStates& hidden,
                  Workspace& workspace, const OutputRows& output, const EncodeOptions& options) const;
  void write_tokens(const TokenBatch& tokens, const PlannedBatch& batch, const HiddenStates& hidden,
                    const TokenRows& output) const;
  void count(const TokenBatch& tokens, const PlannedBatch& batch) const;
  void finish_row(const TextStates& text, HeadBuffers& buffers, std::span<float> output) const;
  void pool_row(const TextStates& text, std::span<float> output) const;

  HomeProcess home_;
  std::unique_ptr<Encoder> encoder_;
  EngineSettings settings_;
  Head head_;
  BatchRunner runner_;
  mutable BufferPool<Workspace> workspaces_;
  mutable Counters counters_;
};

}  // namespace ortembed
