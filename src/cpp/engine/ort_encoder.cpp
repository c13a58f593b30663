// Owns the encoder that runs an ONNX graph through ONNX Runtime.
#include "engine/ort_encoder.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ortembed {
namespace {

// Each takes a few MB and tens of milliseconds once; beyond so many cores, runs share sessions.
constexpr std::size_t most_core_sessions = 16;

std::string text(std::span<const std::int64_t> shape) {
  std::string result;
  for (const auto size : shape) result += (result.empty() ? "" : ", ") + std::to_string(size);
  return "[" + result + "]";
}

}  // namespace

OrtEncoder::OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model,
                       const ort::SessionSettings& settings, std::optional<EmbeddingTable> embeddings)
    : model_(runtime, model),
      threads_(settings.threads),
      all_cores_(model_, settings),
      core_sessions_(model_, all_cores_, std::min(static_cast<std::size_t>(settings.threads), most_core_sessions)),
      tensors_(runtime.api()),
      signature_(read_signature(all_cores_.inputs(), all_cores_.outputs())),
      embeddings_(std::move(embeddings)) {
  check_embeddings();
  dimension_ = signature_.dimension ? *signature_.dimension : probe_dimension();
}

HiddenStates OrtEncoder::run(const InputTensors& tensors, Cores cores) const {
  const auto value = std::make_shared<ort::ValueHandle>(run_graph(tensors, cores));
  std::vector<std::int64_t> expected{tensors.batch_size(), tensors.sequence_length(), dimension_};
  if (is_pooled()) expected.erase(expected.begin() + 1);
  const auto shape = ort::shape_of(model_.runtime().api(), value->get());
  if (shape.dimensions != expected) {
    throw Error(ErrorCode::inference, "the model's output '" + signature_.output + "' has shape " +
                                          text(shape.dimensions) + " where " + text(expected) + " was expected");
  }
  return {ort::float_data(model_.runtime().api(), value->get()), value};
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

ort::ValueHandle OrtEncoder::run_graph(const InputTensors& tensors, Cores cores) const {
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
  const char* const output = signature_.output.c_str();
  if (cores == Cores::all || threads_ == 1) return all_cores_.run(names, values, output);
  const CoreSessions::Lease session(core_sessions_);
  return (*session).run(names, values, output);
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
    shape = ort::shape_of(model_.runtime().api(), run_graph(tensors, Cores::all).get()).dimensions;
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
