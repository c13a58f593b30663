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
  weighted_mean,     // token i of the text (from 1) weighs i
  last_token,        // the last token
};

// "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", as the config file spells them.
// Throws Error(invalid_input) for any other name.
Pooling pooling_from_name(std::string_view name);

// The hidden states of one text, row-major [tokens, dimension]. Its first `skipped` < tokens are those of a prompt
// that is left out: they count neither in sums nor in lengths, but the tokens after them keep their places.
struct TextStates {
  const float* data = nullptr;
  std::int64_t tokens = 0;
  std::int64_t dimension = 0;
  std::int64_t skipped = 0;

  const float* token(std::int64_t index) const { return data + index * dimension; }
};

// Pools a text by each mode and writes the results one after the other, as far as the output reaches; it is at most
// modes.size() * dimension long. A NaN in a hidden state reaches the output in every mode that reads it.
void pool(std::span<const Pooling> modes, const TextStates& text, std::span<float> output);

}  // namespace ortembed
