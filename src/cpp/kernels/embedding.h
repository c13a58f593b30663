// Owns the first hidden states of packed texts: word and position looked up, added, normed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/encoder_layer.h"
#include "kernels/kernel_table.h"
#include "kernels/packed_texts.h"

namespace ortembed::kernels {

// A table of rows: float32, bfloat16, or int8 with a scale for each row.
struct EmbeddingRows {
  enum class Type { float32, bfloat16, int8 };
  Type type = Type::float32;
  const void* data = nullptr;    // row-major [rows, width]
  const float* scale = nullptr;  // [rows] for int8, else null
  std::size_t rows = 0;
};

struct EmbeddingSettings {
  std::size_t width = 0;
  EmbeddingRows word;
  const float* position = nullptr;  // [positions, width], token type 0 added in; or null
  std::size_t positions = 0;
  // RoBERTa's rule: a token that is not this id has as its position the count of such tokens up to it, and this id
  // has position 0. -1 for the plain rule: positions from 0.
  std::int64_t padding_id = -1;
  LayerNorm norm;
};

// Writes [texts.tokens(), width]. Throws Error(inference) naming the first id that the table does not have, or the
// text that is longer than the positions.
void embed(const KernelTable& kernels, const EmbeddingSettings& settings, const PackedTexts& texts,
           std::span<const std::int64_t> ids, float* output);

}  // namespace ortembed::kernels
