// Owns the encoder that runs an ONNX graph through ONNX Runtime.
#include "engine/ort_encoder.h"

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
  explicit Result(BufferPool<ort::RunMemory>& memories) : memory_(memories) {}
  ~Result() {
    output.reset();
    memory().trim();
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  ort::RunMemory& memory() { return *memory_; }

  ort::ValueHandle output;

 private:
  BufferPool<ort::RunMemory>::Lease memory_;
};

}  // namespace

OrtEncoder::OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model,
                       const ort::SessionSettings& settings, std::optional<EmbeddingTable> embeddings)
    : model_(runtime, model),
      threads_(settings.threads),
      all_cores_(model_, settings),
      tensors_(runtime.api()),
      signature_(read_signature(all_cores_.inputs(), all_cores_.outputs())),
      embeddings_(std::move(embeddings)) {
  check_embeddings();
  dimension_ = signature_.dimension ? *signature_.dimension : probe_dimension();
}

HiddenStates OrtEncoder::run(const InputTensors& tensors, Cores cores) const {
  const auto result = std::make_shared<Result>(run_memories_);
  result->output = run_graph(tensors, cores, result->memory());
  std::vector<std::int64_t> expected{tensors.batch_size(), tensors.sequence_length(), dimension_};
  if (is_pooled()) expected.erase(expected.begin() + 1);
  const auto shape = ort::shape_of(model_.runtime().api(), result->output.get());
  if (shape.dimensions != expected) {
    throw Error(ErrorCode::inference, "the model's output '" + signature_.output + "' has shape " +
                                          text(shape.dimensions) + " where " + text(expected) + " was expected");
  }
  return {ort::float_data(model_.runtime().api(), result->output.get()), result};
}

void OrtEncoder::check_embeddings() const {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::model_load, message); };
  if (signature_.takes_embeddings != embeddings_.has_value()) {
    fail(signature_.takes_embeddings ? "the graph takes hidden and mask, so it needs an EmbeddingTable"
                                     : "the graph takes input_ids, so it cannot have an EmbeddingTable");
  }
  if (embeddings_ && signature_.width.value_or(embeddings_->width()) != embeddings_->width()) {
    fail("the graph's input 'hidden' is " + std::to_string(*signature_.width) + " wide, and the EmbeddingTable is " +
         std::to_string(embeddings_->width()) + " wide");
  }
}

const ort::Session& OrtEncoder::session(Cores cores) const {
  if (cores == Cores::all || threads_ == 1) return all_cores_;
  if (const ort::Session* ready = ready_) return *ready;
  const std::unique_lock lock(making_, std::try_to_lock);
  if (!lock) return all_cores_;  // right too, and sooner than the other thread is done
  if (const ort::Session* ready = ready_) return *ready;
  try {
    one_core_ = std::make_unique<const ort::Session>(model_, ort::SessionSettings{1});
    ready_ = one_core_.get();
  } catch (const Error&) {  // the file was there and good; without it, only speed is lost
    ready_ = &all_cores_;
  }
  return *ready_;
}

ort::ValueHandle OrtEncoder::run_graph(const InputTensors& tensors, Cores cores, ort::RunMemory& memory) const {
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
  return session(cores).run(names, values, signature_.output.c_str(), memory);
}

ort::ValueHandle OrtEncoder::wrap(InputRole role, const InputTensors& tensors,
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
    case InputRole::hidden:
      return tensors_.wrap(embedded.hidden(), std::array{batch, sequence, embeddings_->width()});
    case InputRole::mask:
      return tensors_.wrap(embedded.mask(), std::array{batch, std::int64_t{1}, std::int64_t{1}, sequence});
  }
  throw Error(ErrorCode::inference, "unknown input role");
}

// A graph may leave its last dimension open; one token then tells.
std::int64_t OrtEncoder::probe_dimension() const {
  const std::array<std::int64_t, 1> ids{0};
  const std::array<std::int64_t, 2> offsets{0, 1};
  InputTensors tensors;
  tensors.fill(TokenBatch(TokenIds(std::span<const std::int64_t>(ids)), offsets, {1, 1}), {1, {0}});
  std::vector<std::int64_t> shape;
  try {
    Result result(run_memories_);
    result.output = run_graph(tensors, Cores::all, result.memory());
    shape = ort::shape_of(model_.runtime().api(), result.output.get()).dimensions;
  } catch (const Error& error) {
    throw Error(ErrorCode::model_load, std::string("the model cannot run one token: ") + error.what());
  }
  if (shape.size() != (is_pooled() ? 2U : 3U) || shape.back() < 1) {
    throw Error(ErrorCode::model_load,
                "the model's output '" + signature_.output + "' has shape " + text(shape) + " for one token");
  }
  return shape.back();
}

}  // namespace ortembed
