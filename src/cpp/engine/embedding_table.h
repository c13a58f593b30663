// Owns the lookup of token embeddings for graphs that leave it out: word and position, then layer normalization.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/matrix.h"
#include "engine/layer_norm.h"
#include "engine/token_batch.h"

namespace ortembed {

class EmbeddingTable {
 public:
  // word: [vocab, width]; position: [positions, width], with what all tokens have in common (their token type)
  // added in. Both are borrowed: they may be large and mapped from a file.
  // With a padding_id, positions are counted as RoBERTa does: row 0 of the position table is for tokens that are the
  // padding_id, and the others have rows 1, 2, ... in their order. Without one, token i has row i.
  // Throws Error(invalid_input) naming what does not fit.
  EmbeddingTable(const FloatMatrix& word, std::optional<FloatMatrix> position, std::optional<LayerNorm> layer_norm,
                 std::optional<std::int64_t> padding_id);

  std::int64_t width() const { return static_cast<std::int64_t>(word_.columns); }
  std::int64_t vocab_size() const { return static_cast<std::int64_t>(word_.rows); }
  // Throws Error(invalid_input) when texts within the limits could have ids or positions that are not in the tables.
  void check_covers(const TokenLimits& limits) const;

  // Writes the embeddings of one text, row-major [ids.size(), width]. Thread-safe. Throws Error(invalid_input) for an
  // id or position outside the tables; no memory outside them is read, whatever the ids.
  void look_up(std::span<const std::int64_t> ids, float* output) const;

 private:
  std::int64_t longest_text() const;
  void write_row(std::int64_t id, std::int64_t position, std::span<float> output) const;

  FloatMatrix word_;
  std::optional<FloatMatrix> position_;
  std::optional<LayerNorm> layer_norm_;
  std::optional<std::int64_t> padding_id_;
};

}  // namespace ortembed
