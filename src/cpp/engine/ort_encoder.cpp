// Owns the encoder that runs an ONNX graph through ONNX Runtime.
#include "engine/ort_encoder.h"

#include <array>
#include <string>
#include <vector>

#include "base/error.h"

namespace ortembed {
namespace {

std::span<const std::int64_t> data_for(InputRole role, const InputTensors& tensors) {
  switch (role) {
    case InputRole::input_ids:
      return tensors.input_ids();
    case InputRole::attention_mask:
      return tensors.attention_mask();
    case InputRole::token_type_ids:
      return tensors.token_type_ids();
  }
  throw Error(ErrorCode::inference, "unknown input role");
}

std::string text(std::span<const std::int64_t> shape) {
  std::string result;
  for (const auto size : shape) result += (result.empty() ? "" : ", ") + std::to_string(size);
  return "[" + result + "]";
}

}  // namespace

OrtEncoder::OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model,
                       const ort::SessionSettings& settings)
    : session_(runtime, model, settings),
      tensors_(runtime.api()),
      signature_(read_signature(session_.inputs(), session_.outputs())),
      dimension_(signature_.dimension ? *signature_.dimension : probe_dimension()) {}

HiddenStates OrtEncoder::run(const InputTensors& tensors) const {
  const auto value = std::make_shared<ort::ValueHandle>(run_graph(tensors));
  std::vector<std::int64_t> expected{tensors.batch_size(), tensors.sequence_length(), dimension_};
  if (is_pooled()) expected.erase(expected.begin() + 1);
  const auto shape = ort::shape_of(session_.api(), value->get());
  if (shape.dimensions != expected) {
    throw Error(ErrorCode::inference, "the model's output '" + signature_.output + "' has shape " +
                                          text(shape.dimensions) + " where " + text(expected) + " was expected");
  }
  return {ort::float_data(session_.api(), value->get()), value};
}

ort::ValueHandle OrtEncoder::run_graph(const InputTensors& tensors) const {
  const std::array shape{tensors.batch_size(), tensors.sequence_length()};
  std::vector<const char*> names;
  std::vector<ort::ValueHandle> owned;
  std::vector<const OrtValue*> values;
  for (const GraphInput& input : signature_.inputs) {
    names.push_back(input.name.c_str());
    owned.push_back(tensors_.wrap(data_for(input.role, tensors), shape));
    values.push_back(owned.back().get());
  }
  return session_.run(names, values, signature_.output.c_str());
}

// A graph may leave its last dimension open; one token then tells.
std::int64_t OrtEncoder::probe_dimension() const {
  const std::array<std::int64_t, 1> ids{0};
  const std::array<std::int64_t, 2> offsets{0, 1};
  InputTensors tensors;
  tensors.fill(TokenBatch(TokenIds(std::span<const std::int64_t>(ids)), offsets, {1, 1}), {1, {0}});
  std::vector<std::int64_t> shape;
  try {
    shape = ort::shape_of(session_.api(), run_graph(tensors).get()).dimensions;
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
