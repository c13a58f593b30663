// Owns pooling: the hidden states of one text in, one vector out.
#include "engine/pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/error.h"

namespace ortembed {
namespace {

struct NamedPooling {
  std::string_view name;
  Pooling mode;
};
constexpr std::array named_poolings{
    NamedPooling{"cls", Pooling::cls},
    NamedPooling{"max", Pooling::max},
    NamedPooling{"mean", Pooling::mean},
    NamedPooling{"mean_sqrt_len_tokens", Pooling::mean_sqrt_length},
    NamedPooling{"weightedmean", Pooling::weighted_mean},
    NamedPooling{"lasttoken", Pooling::last_token},
};

void copy_token(const float* token, std::span<float> output) { std::copy_n(token, output.size(), output.begin()); }

void add_scaled(const float* token, float weight, std::span<float> output) {
  for (std::size_t i = 0; i < output.size(); ++i) output[i] += weight * token[i];
}

void scale(float factor, std::span<float> output) {
  for (float& value : output) value *= factor;
}

void pool_max(const TextStates& text, std::span<float> output) {
  copy_token(text.token(text.skipped), output);
  for (std::int64_t t = text.skipped + 1; t < text.tokens; ++t) {
    const float* token = text.token(t);
    for (std::size_t i = 0; i < output.size(); ++i) {
      // Not std::max, which would drop a NaN.
      output[i] = token[i] > output[i] || std::isnan(token[i]) ? token[i] : output[i];
    }
  }
}

void pool_sum(const TextStates& text, std::span<float> output) {
  copy_token(text.token(text.skipped), output);
  for (std::int64_t t = text.skipped + 1; t < text.tokens; ++t) add_scaled(text.token(t), 1.0F, output);
}

void pool_weighted(const TextStates& text, std::span<float> output) {
  std::ranges::fill(output, 0.0F);
  std::int64_t weights = 0;
  for (std::int64_t t = text.skipped; t < text.tokens; ++t) {
    add_scaled(text.token(t), static_cast<float>(t + 1), output);
    weights += t + 1;
  }
  scale(1.0F / static_cast<float>(weights), output);
}

void pool_one(Pooling mode, const TextStates& text, std::span<float> output) {
  const auto tokens = static_cast<float>(text.tokens - text.skipped);
  switch (mode) {
    case Pooling::cls:
      return copy_token(text.token(text.skipped), output);
    case Pooling::last_token:
      return copy_token(text.token(text.tokens - 1), output);
    case Pooling::max:
      return pool_max(text, output);
    case Pooling::mean:
      pool_sum(text, output);
      return scale(1.0F / tokens, output);
    case Pooling::mean_sqrt_length:
      pool_sum(text, output);
      return scale(1.0F / std::sqrt(tokens), output);
    case Pooling::weighted_mean:
      return pool_weighted(text, output);
  }
}

}  // namespace

Pooling pooling_from_name(std::string_view name) {
  const auto found = std::ranges::find(named_poolings, name, &NamedPooling::name);
  if (found != named_poolings.end()) return found->mode;
  std::string known;
  for (const auto& row : named_poolings) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error(ErrorCode::invalid_input, "unknown pooling '" + std::string(name) + "'; known are " + known);
}

void pool(std::span<const Pooling> modes, const TextStates& text, std::span<float> output) {
  const auto dimension = static_cast<std::size_t>(text.dimension);
  for (const Pooling mode : modes) {
    const std::size_t columns = std::min(dimension, output.size());
    pool_one(mode, text, output.first(columns));
    output = output.subspan(columns);
    if (output.empty()) return;
  }
}

}  // namespace ortembed
