// Owns pooling: the hidden states of one text in, one vector out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ortembed {

// The modes of sentence-transformers' pooling config; padding never takes part.
enum class Pooling {
  cls,               // the first token
  max,               // largest value of each dimension
  mean,              // sum / tokens
  mean_sqrt_length,  // sum / sqrt(tokens)
  weighted_mean,     // token i (from 1) weighs i
  last_token,        // the last token
};

// "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", as the config file spells them.
// Throws Error(invalid_input) for any other name.
Pooling pooling_from_name(std::string_view name);

// Pools `tokens` >= 1 hidden states, each `dimension` floats, into the first output.size() <= dimension dimensions.
// A NaN in a hidden state reaches the output in every mode that reads it.
void pool(Pooling mode, const float* hidden, std::int64_t tokens, std::int64_t dimension, std::span<float> output);

}  // namespace ortembed
