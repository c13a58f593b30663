// Owns the way from pre-encoded texts to vectors: plan, tensors, run, pool, normalize, each row to its place.
#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "engine/normalize.h"

namespace ortembed {

// Input buffers borrowed from the engine for one call, and given back at its end, however it ends.
class Engine::TensorsLease {
 public:
  explicit TensorsLease(const Engine& engine) : engine_(engine) {
    const std::lock_guard lock(engine_.idle_mutex_);
    if (engine_.idle_tensors_.empty()) {
      tensors_ = std::make_unique<InputTensors>();
      engine_.idle_tensors_.reserve(++engine_.tensors_made_);
    } else {
      tensors_ = std::move(engine_.idle_tensors_.back());
      engine_.idle_tensors_.pop_back();
    }
  }
  ~TensorsLease() {
    const std::lock_guard lock(engine_.idle_mutex_);
    engine_.idle_tensors_.push_back(std::move(tensors_));  // reserved above, so it does not throw
  }
  TensorsLease(const TensorsLease&) = delete;
  TensorsLease& operator=(const TensorsLease&) = delete;

  InputTensors& operator*() const { return *tensors_; }

 private:
  const Engine& engine_;
  std::unique_ptr<InputTensors> tensors_;
};

Engine::Engine(std::unique_ptr<Encoder> encoder, const EngineSettings& settings)
    : encoder_(std::move(encoder)), settings_(settings) {}

void Engine::encode(TokenIds ids, std::span<const std::int64_t> offsets, const OutputRows& output,
                    bool normalize) const {
  check_process();
  const TokenBatch tokens(ids, offsets, settings_.token_limits);
  check_output(tokens, output);
  const TensorsLease tensors(*this);
  for (const PlannedBatch& batch : plan_batches(tokens.lengths(), settings_.plan_limits)) {
    encode_batch(tokens, batch, *tensors, output, normalize);
  }
}

void Engine::check_process() const {
  if (home_.is_current()) return;
  throw Error(ErrorCode::service_unavailable,
              "this Embedder was made in process " + std::to_string(home_.id()) +
                  " and does not survive fork(); make one in each process, or use the 'spawn' start method");
}

void Engine::check_output(const TokenBatch& tokens, const OutputRows& output) const {
  if (output.rows != tokens.size()) {
    throw Error(ErrorCode::invalid_input,
                "out has " + std::to_string(output.rows) + " rows for " + std::to_string(tokens.size()) + " texts");
  }
  const auto dimension = static_cast<std::size_t>(encoder_->dimension());
  if (output.columns == 0 || output.columns > dimension) {
    throw Error(ErrorCode::invalid_input, "out has " + std::to_string(output.columns) +
                                              " columns; this model gives 1 to " + std::to_string(dimension));
  }
}

void Engine::encode_batch(const TokenBatch& tokens, const PlannedBatch& batch, InputTensors& tensors,
                          const OutputRows& output, bool normalize) const {
  tensors.fill(tokens, batch);
  const HiddenStates hidden = encoder_->run(tensors);
  const std::int64_t sequence = encoder_->is_pooled() ? 1 : batch.sequence_length;
  const std::int64_t stride = sequence * encoder_->dimension();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::size_t row = batch.rows[i];
    const std::span<float> vector = output.row(row);
    finish_row(hidden.data + static_cast<std::int64_t>(i) * stride, tokens.length(row), vector);
    const double length = norm(vector);
    if (!std::isfinite(length)) {
      throw Error(ErrorCode::inference, "the model gave a value that is not finite for row " + std::to_string(row));
    }
    if (normalize) ortembed::normalize(vector, length);
  }
}

void Engine::finish_row(const float* hidden, std::int64_t tokens, std::span<float> output) const {
  if (encoder_->is_pooled()) {
    std::copy_n(hidden, output.size(), output.begin());
  } else {
    pool(settings_.pooling, hidden, tokens, encoder_->dimension(), output);
  }
}

}  // namespace ortembed
