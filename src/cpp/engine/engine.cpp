// Owns the way from pre-encoded texts to vectors, or to the hidden states of their tokens: plan, tensors, run, and
// for vectors pool, head and normalize, each row to its place.
#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/normalize.h"

namespace ortembed {
namespace {

EngineSettings checked(EngineSettings settings) {
  if (!settings.poolings.empty()) return settings;
  throw Error(ErrorCode::invalid_input, "pooling is empty; give one mode or more");
}

// Gives the norm of finished values; Error(inference) when one of them is not finite.
double checked_norm(std::span<const float> values, std::size_t row) {
  const double length = norm(values);
  if (std::isfinite(length)) return length;
  throw Error(ErrorCode::inference, "the model gave a value that is not finite for row " + std::to_string(row));
}

}  // namespace

Engine::Engine(std::unique_ptr<Encoder> encoder, EngineSettings settings, std::vector<HeadStep> head_steps)
    : encoder_(std::move(encoder)),
      settings_(checked(std::move(settings))),
      head_(std::move(head_steps), pooled_dimension()),
      runner_(settings_.plan_limits.cores) {}

void Engine::encode(TokenIds ids, std::span<const std::int64_t> offsets, const OutputRows& output,
                    const EncodeOptions& options, const CallControl& control) const {
  StopWatch watch;
  const TokenBatch tokens = check_tokens(ids, offsets);
  check_output(tokens, output);
  check_skip(tokens, options.skip_tokens);
  const Write write = [&](const PlannedBatch& batch, const HiddenStates& hidden, Workspace& workspace) {
    write_rows(tokens, batch, hidden, workspace, output, options);
  };
  run(tokens, watch, write, control);
}

void Engine::hidden_states(TokenIds ids, std::span<const std::int64_t> offsets, const TokenRows& output,
                           const CallControl& control) const {
  StopWatch watch;
  const TokenBatch tokens = check_tokens(ids, offsets);
  check_output(tokens, output);
  const Write write = [&](const PlannedBatch& batch, const HiddenStates& hidden, Workspace&) {
    write_tokens(tokens, batch, hidden, output);
  };
  run(tokens, watch, write, control);
}

std::int64_t Engine::hidden_size() const {
  if (!encoder_->is_pooled()) return encoder_->dimension();
  throw Error(ErrorCode::invalid_input,
              "the model's graph pools by itself: it gives one vector a text, and no hidden states of tokens");
}

void Engine::check_process() const {
  if (home_.is_current()) return;
  throw Error(ErrorCode::service_unavailable,
              "this Embedder was made in process " + std::to_string(home_.id()) +
                  " and does not survive fork(); make one in each process, or use the 'spawn' start method");
}

std::int64_t Engine::pooled_dimension() const {
  const auto parts = encoder_->is_pooled() ? 1 : static_cast<std::int64_t>(settings_.poolings.size());
  return parts * encoder_->dimension();
}

TokenBatch Engine::check_tokens(TokenIds ids, std::span<const std::int64_t> offsets) const {
  check_process();
  return TokenBatch(ids, offsets, settings_.token_limits);
}

void Engine::check_output(const TokenBatch& tokens, const OutputRows& output) const {
  if (output.rows != tokens.size()) {
    throw Error(ErrorCode::invalid_input,
                "out has " + std::to_string(output.rows) + " rows for " + std::to_string(tokens.size()) + " texts");
  }
  const auto full = static_cast<std::size_t>(dimension());
  if (output.dimensions == 0 || output.dimensions > full) {
    throw Error(ErrorCode::invalid_input, "out has " + std::to_string(output.dimensions) +
                                              " columns; this model gives 1 to " + std::to_string(full));
  }
}

void Engine::check_output(const TokenBatch& tokens, const TokenRows& output) const {
  const auto total = static_cast<std::size_t>(tokens.total());
  const auto size = static_cast<std::size_t>(hidden_size());
  if (output.tokens == total && output.dimension == size) return;
  throw Error(ErrorCode::invalid_input, "out is " + std::to_string(output.tokens) + " x " +
                                            std::to_string(output.dimension) + "; the hidden states of " +
                                            std::to_string(total) + " tokens are " + std::to_string(total) + " x " +
                                            std::to_string(size));
}

void Engine::check_skip(const TokenBatch& tokens, std::int64_t skip_tokens) const {
  if (skip_tokens == 0) return;
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::invalid_input, message); };
  if (skip_tokens < 0) fail("skip_tokens is " + std::to_string(skip_tokens) + ", below 0");
  if (encoder_->is_pooled()) fail("the model's graph pools by itself, so it cannot leave a prompt's tokens out");
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    if (tokens.length(row) <= skip_tokens) {
      fail("row " + std::to_string(row) + " has " + std::to_string(tokens.length(row)) +
           " ids; leaving out the first " + std::to_string(skip_tokens) + " of them leaves none to pool");
    }
  }
}

void Engine::run(const TokenBatch& tokens, StopWatch& watch, const Write& write, const CallControl& control) const {
  const std::vector<PlannedBatch> batches = plan_batches(tokens.lengths(), settings_.plan_limits, encoder_->layout());
  counters_.add(Counter::plan_nanoseconds, watch.lap());
  runner_.run(
      batches, [&](const PlannedBatch& batch, Cores cores) { run_batch(tokens, batch, cores, write); }, control);
  counters_.add(Counter::calls, 1);
}

void Engine::run_batch(const TokenBatch& tokens, const PlannedBatch& batch, Cores cores, const Write& write) const {
  StopWatch watch;
  const BufferPool<Workspace>::Lease workspace(workspaces_);
  (*workspace).tensors.fill(tokens, batch);
  counters_.add(Counter::plan_nanoseconds, watch.lap());
  const HiddenStates hidden = encoder_->run((*workspace).tensors, cores);
  counters_.add(Counter::run_nanoseconds, watch.lap());
  write(batch, hidden, *workspace);
  counters_.add(Counter::pool_nanoseconds, watch.lap());
  count(tokens, batch);
}

const float* Engine::states(const PlannedBatch& batch, const HiddenStates& hidden, std::size_t i) const {
  const std::int64_t vector = encoder_->is_pooled() ? static_cast<std::int64_t>(i) : batch.start(i);
  return hidden.data + vector * encoder_->dimension();
}

void Engine::write_rows(const TokenBatch& tokens, const PlannedBatch& batch, const HiddenStates& hidden,
                        Workspace& workspace, const OutputRows& output, const EncodeOptions& options) const {
  workspace.vector.resize(output.dimensions);
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::size_t row = batch.rows[i];
    const std::span<float> vector = output.vector(row, workspace.vector.data());
    const TextStates text{states(batch, hidden, i), tokens.length(row), encoder_->dimension(), options.skip_tokens};
    finish_row(text, workspace.head, vector);
    const double length = checked_norm(vector, row);
    if (options.normalize) normalize(vector, length);
    write_row(vector, output.precision, output.ranges, output.row(row));
  }
}

void Engine::write_tokens(const TokenBatch& tokens, const PlannedBatch& batch, const HiddenStates& hidden,
                          const TokenRows& output) const {
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::size_t row = batch.rows[i];
    const auto start = static_cast<std::size_t>(tokens.start(row));
    const std::span<float> rows = output.rows(start, static_cast<std::size_t>(tokens.length(row)));
    std::copy_n(states(batch, hidden, i), rows.size(), rows.begin());
    checked_norm(rows, row);
  }
}

void Engine::count(const TokenBatch& tokens, const PlannedBatch& batch) const {
  std::int64_t total = 0;
  for (const std::size_t row : batch.rows) total += tokens.length(row);
  counters_.add(Counter::batches, 1);
  counters_.add(Counter::texts, batch.rows.size());
  counters_.add(Counter::tokens, static_cast<std::uint64_t>(total));
  counters_.add(Counter::padded_tokens, static_cast<std::uint64_t>(batch.tokens()));
}

void Engine::finish_row(const TextStates& text, HeadBuffers& buffers, std::span<float> output) const {
  if (head_.is_empty()) return pool_row(text, output);
  buffers.values.resize(static_cast<std::size_t>(pooled_dimension()));
  pool_row(text, buffers.values);
  head_.apply(buffers);
  std::copy_n(buffers.values.begin(), output.size(), output.begin());
}

void Engine::pool_row(const TextStates& text, std::span<float> output) const {
  if (encoder_->is_pooled()) {
    std::copy_n(text.data, output.size(), output.begin());
  } else {
    pool(settings_.poolings, text, output);
  }
}

}  // namespace ortembed
