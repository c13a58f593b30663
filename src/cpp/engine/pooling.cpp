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

void pool_max(const float* hidden, std::int64_t tokens, std::int64_t dimension, std::span<float> output) {
  copy_token(hidden, output);
  for (std::int64_t t = 1; t < tokens; ++t) {
    const float* token = hidden + t * dimension;
    for (std::size_t i = 0; i < output.size(); ++i) {
      // Not std::max, which would drop a NaN.
      output[i] = token[i] > output[i] || std::isnan(token[i]) ? token[i] : output[i];
    }
  }
}

void pool_sum(const float* hidden, std::int64_t tokens, std::int64_t dimension, std::span<float> output) {
  copy_token(hidden, output);
  for (std::int64_t t = 1; t < tokens; ++t) add_scaled(hidden + t * dimension, 1.0F, output);
}

void pool_weighted(const float* hidden, std::int64_t tokens, std::int64_t dimension, std::span<float> output) {
  std::ranges::fill(output, 0.0F);
  for (std::int64_t t = 0; t < tokens; ++t) {
    add_scaled(hidden + t * dimension, static_cast<float>(t + 1), output);
  }
  scale(1.0F / static_cast<float>(tokens * (tokens + 1) / 2), output);
}

}  // namespace

Pooling pooling_from_name(std::string_view name) {
  const auto found = std::ranges::find(named_poolings, name, &NamedPooling::name);
  if (found != named_poolings.end()) return found->mode;
  std::string known;
  for (const auto& row : named_poolings) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error(ErrorCode::invalid_input, "unknown pooling '" + std::string(name) + "'; known are " + known);
}

void pool(Pooling mode, const float* hidden, std::int64_t tokens, std::int64_t dimension, std::span<float> output) {
  switch (mode) {
    case Pooling::cls:
      return copy_token(hidden, output);
    case Pooling::last_token:
      return copy_token(hidden + (tokens - 1) * dimension, output);
    case Pooling::max:
      return pool_max(hidden, tokens, dimension, output);
    case Pooling::mean:
      pool_sum(hidden, tokens, dimension, output);
      return scale(1.0F / static_cast<float>(tokens), output);
    case Pooling::mean_sqrt_length:
      pool_sum(hidden, tokens, dimension, output);
      return scale(1.0F / std::sqrt(static_cast<float>(tokens)), output);
    case Pooling::weighted_mean:
      return pool_weighted(hidden, tokens, dimension, output);
  }
}

}  // namespace ortembed
