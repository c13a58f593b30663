// Owns the lookup of token embeddings for graphs that leave it out: word and position, then layer normalization.
#include "engine/embedding_table.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace ortembed {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_input, message); }

std::string text(std::int64_t value) { return std::to_string(value); }

void check_width(const std::string& name, std::int64_t width, std::int64_t expected) {
  if (width != expected) fail(name + " is " + text(width) + " wide, and word is " + text(expected) + " wide");
}

}  // namespace

EmbeddingTable::EmbeddingTable(const FloatMatrix& word, std::optional<FloatMatrix> position,
                               std::optional<LayerNorm> layer_norm, std::optional<std::int64_t> padding_id)
    : word_(word), position_(position), layer_norm_(std::move(layer_norm)), padding_id_(padding_id) {
  if (word_.rows == 0 || word_.columns == 0) fail("word is empty");
  if (position_) check_width("position", static_cast<std::int64_t>(position_->columns), width());
  if (layer_norm_) check_width("scale", layer_norm_->width(), width());
  if (padding_id_ && !position_) fail("padding_id is given without position");
}

void EmbeddingTable::check_covers(const TokenLimits& limits) const {
  if (limits.vocab_size > vocab_size()) {
    fail("vocab_size is " + text(limits.vocab_size) + ", and word has " + text(vocab_size()) + " rows");
  }
  if (limits.max_tokens > longest_text()) {
    fail("max_tokens is " + text(limits.max_tokens) + ", and position has rows for " + text(longest_text()));
  }
}

void EmbeddingTable::look_up(std::span<const std::int64_t> ids, float* output) const {
  std::int64_t position = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool is_padding = ids[i] == padding_id_;
    const std::int64_t own = is_padding ? 0 : position + (padding_id_ ? 1 : 0);
    write_row(ids[i], own, {output + i * word_.columns, word_.columns});
    if (!is_padding) ++position;
  }
}

std::int64_t EmbeddingTable::longest_text() const {
  if (!position_) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(position_->rows) - (padding_id_ ? 1 : 0);
}

void EmbeddingTable::write_row(std::int64_t id, std::int64_t position, std::span<float> output) const {
  // Checked here although the caller's ids were checked as a whole: another thread may have changed them since.
  if (id < 0 || id >= vocab_size()) {
    fail("id " + text(id) + " is outside the " + text(vocab_size()) + " rows of word");
  }
  std::copy_n(word_.row(static_cast<std::size_t>(id)), output.size(), output.begin());
  if (position_) {
    const auto at = static_cast<std::size_t>(position);
    if (at >= position_->rows) fail("position " + text(position) + " is outside the table's rows");
    const float* row = position_->row(at);
    for (std::size_t i = 0; i < output.size(); ++i) output[i] += row[i];
  }
  if (layer_norm_) layer_norm_->apply(output);
}

}  // namespace ortembed
