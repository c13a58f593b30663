// Owns one transformer layer over packed texts: attention, feed-forward, their residuals and norms.
#include "kernels/encoder_layer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/layer_run.h"

namespace ortembed::kernels {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::string& message) { throw Error(code, message); }

void check_linear(const std::string& what, const PackedLinear& linear, std::size_t inputs, std::size_t outputs) {
  if (linear.inputs() == inputs && linear.outputs() == outputs) return;
  fail(ErrorCode::model_load, what + " has a weight of " + std::to_string(linear.inputs()) + " x " +
                                  std::to_string(linear.outputs()) + " where " + std::to_string(inputs) + " x " +
                                  std::to_string(outputs) + " was expected");
}

}  // namespace

EncoderLayer::EncoderLayer(const KernelTable& kernels, const LayerSettings& settings, LayerLinears linears,
                           std::shared_ptr<RunMemories> memories)
    : kernels_(&kernels), settings_(settings), linears_(std::move(linears)), memories_(std::move(memories)) {
  if (settings.width == 0 || settings.heads == 0 || settings.head_width == 0) {
    fail(ErrorCode::model_load, "a layer has no width or no heads");
  }
  if (settings.cosines != nullptr && settings.head_width % 2 != 0) {
    fail(ErrorCode::model_load, "rotary positions need heads of an even width");
  }
  const std::size_t attended = settings.heads * settings.head_width;
  const std::size_t gates = settings.is_gated ? 2 : 1;
  const std::size_t inner = linears_.outer->inputs();
  check_linear("query_key_value", *linears_.query_key_value, settings.width, 3 * attended);
  check_linear("attention output", *linears_.attention_output, attended, settings.width);
  check_linear("inner", *linears_.inner, settings.width, gates * inner);
  check_linear("outer", *linears_.outer, inner, settings.width);
}

std::int64_t EncoderLayer::most_tokens() const {
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (settings_.relative_bias != nullptr) most = std::min(most, settings_.most_distance + 1);
  if (settings_.cosines != nullptr) most = std::min(most, settings_.positions);
  return most;
}

EncoderLayer::Run::Run(const EncoderLayer& layer, const PackedTexts& texts, const float* hidden, float* output,
                       std::size_t threads) {
  if (static_cast<std::int64_t>(texts.longest()) > layer.most_tokens()) {
    fail(ErrorCode::inference, "a text has " + std::to_string(texts.longest()) + " ids; the layer takes at most " +
                                   std::to_string(layer.most_tokens()));
  }
  state_ = std::make_unique<State>(LayerParts{layer.kernels_, &layer.settings_, &layer.linears_}, *layer.memories_,
                                   texts, hidden, output, threads);
}

EncoderLayer::Run::~Run() = default;

void EncoderLayer::Run::work() noexcept { state_->work(); }

}  // namespace ortembed::kernels
