// Owns what the sessions of one encoder's graph have in common: which tensors go in, and what has to come out.
#include "engine/encoder_graph.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ortembed {
namespace {

std::string text(std::span<const std::int64_t> shape) {
  std::string result;
  for (const auto size : shape) result += (result.empty() ? "" : ", ") + std::to_string(size);
  return "[" + result + "]";
}

// What a run gave, and the memory that it lies in.
class Result {
 public:
  explicit Result(RunMemories& memories) : memory_(memories) {}
  ~Result() {
    output.reset();
    memory().trim();
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  ort::RunMemory& memory() { return *memory_; }

  ort::ValueHandle output;

 private:
  RunMemories::Lease memory_;
};

}  // namespace

EncoderGraph::EncoderGraph(const ort::Session& session, RunMemories& memories,
                           std::optional<EmbeddingTable> embeddings, const std::optional<BatchShape>& shape)
    : memories_(memories),
      tensors_(session.api()),
      signature_(read_signature(session.inputs(), session.outputs(), shape)),
      embeddings_(std::move(embeddings)) {
  check_embeddings();
  dimension_ =
      signature_.dimension ? *signature_.dimension : probe_dimension(session, shape.value_or(BatchShape{1, 1}));
}

HiddenStates EncoderGraph::run(const ort::Session& session, const InputTensors& tensors) const {
  const auto result = std::make_shared<Result>(memories_);
  result->output = run_graph(session, tensors, result->memory());
  const std::vector<std::int64_t> expected = output_shape(tensors);
  const auto shape = ort::shape_of(session.api(), result->output.get());
  if (shape.dimensions != expected) {
    throw Error(ErrorCode::inference, "the model's output '" + signature_.output + "' has shape " +
                                          text(shape.dimensions) + " where " + text(expected) + " was expected");
  }
  return {ort::float_data(session.api(), result->output.get()), result};
}

std::vector<std::int64_t> EncoderGraph::output_shape(const InputTensors& tensors) const {
  if (is_packed()) return {tensors.tokens(), dimension_};
  if (is_pooled()) return {tensors.batch_size(), dimension_};
  return {tensors.batch_size(), tensors.sequence_length(), dimension_};
}

void EncoderGraph::check_embeddings() const {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::model_load, message); };
  if (signature_.takes_embeddings != embeddings_.has_value()) {
    const std::string ids = is_packed() ? "ids and offsets" : "input_ids";
    fail(signature_.takes_embeddings ? "the graph takes hidden and mask, so it needs an EmbeddingTable"
                                     : "the graph takes " + ids + ", so it cannot have an EmbeddingTable");
  }
  if (embeddings_ && signature_.width.value_or(embeddings_->width()) != embeddings_->width()) {
    fail("the graph's input 'hidden' is " + std::to_string(*signature_.width) + " wide, and the EmbeddingTable is " +
         std::to_string(embeddings_->width()) + " wide");
  }
}

ort::ValueHandle EncoderGraph::run_graph(const ort::Session& session, const InputTensors& tensors,
                                         ort::RunMemory& memory) const {
  const BufferPool<EmbeddedTensors>::Lease embedded(embedded_tensors_);
  if (embeddings_) (*embedded).fill(tensors, *embeddings_);
  std::vector<const char*> names;
  std::vector<ort::ValueHandle> owned;
  std::vector<const OrtValue*> values;
  names.reserve(signature_.inputs.size());
  owned.reserve(signature_.inputs.size());
  values.reserve(signature_.inputs.size());
  for (const GraphInput& input : signature_.inputs) {
    names.push_back(input.name.c_str());
    owned.push_back(wrap(input.role, tensors, *embedded));
    values.push_back(owned.back().get());
  }
  return session.run(names, values, signature_.output.c_str(), memory);
}

ort::ValueHandle EncoderGraph::wrap(InputRole role, const InputTensors& tensors,
                                    const EmbeddedTensors& embedded) const {
  const std::int64_t batch = tensors.batch_size();
  const std::int64_t sequence = tensors.sequence_length();
  switch (role) {
    case InputRole::input_ids:
      return tensors_.wrap(tensors.input_ids(), std::array{batch, sequence});
    case InputRole::attention_mask:
      return tensors_.wrap(tensors.attention_mask(), std::array{batch, sequence});
    case InputRole::token_type_ids:
      return tensors_.wrap(tensors.token_type_ids(), std::array{batch, sequence});
    case InputRole::ids:
      return tensors_.wrap(tensors.input_ids(), std::array{tensors.tokens()});
    case InputRole::offsets:
      return tensors_.wrap(tensors.offsets(), std::array{static_cast<std::int64_t>(tensors.offsets().size())});
    case InputRole::hidden:
      return tensors_.wrap(embedded.hidden(), std::array{batch, sequence, embeddings_->width()});
    case InputRole::mask:
      return tensors_.wrap(embedded.mask(), std::array{batch, std::int64_t{1}, std::int64_t{1}, sequence});
  }
  throw Error(ErrorCode::inference, "unknown input role");
}

// A graph may leave its last dimension open; one token then tells.
std::int64_t EncoderGraph::probe_dimension(const ort::Session& session, const BatchShape& shape) const {
  const std::array<std::int64_t, 1> ids{0};
  const std::array<std::int64_t, 2> offsets{0, 1};
  const TokenBatch token(TokenIds(std::span<const std::int64_t>(ids)), offsets, {1, 1});
  InputTensors tensors;
  tensors.fill(token, is_packed() ? pack({0}, token.lengths(), Cores::all)
                                  : PlannedBatch{shape.sequence_length, {0}, Cores::all, shape.rows - 1});
  std::vector<std::int64_t> dimensions;
  try {
    Result result(memories_);
    result.output = run_graph(session, tensors, result.memory());
    dimensions = ort::shape_of(session.api(), result.output.get()).dimensions;
  } catch (const Error& error) {
    throw Error(ErrorCode::model_load, std::string("the model cannot run one token: ") + error.what());
  }
  if (dimensions.size() != output_shape(tensors).size() || dimensions.back() < 1) {
    throw Error(ErrorCode::model_load,
                "the model's output '" + signature_.output + "' has shape " + text(dimensions) + " for one token");
  }
  return dimensions.back();
}

}  // namespace ortembed
