// Owns the first hidden states of packed texts: word and position looked up, added, normed.
#include "kernels/embedding.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "kernels/bfloat16.h"

namespace ortembed::kernels {
namespace {

void check(const EmbeddingSettings& settings, const PackedTexts& texts, std::span<const std::int64_t> ids) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::inference, message); };
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || static_cast<std::uint64_t>(ids[i]) >= settings.word.rows) {
      fail("ids[" + std::to_string(i) + "] is " + std::to_string(ids[i]) + "; the vocabulary has ids from 0 to " +
           std::to_string(settings.word.rows - 1));
    }
  }
  if (settings.position == nullptr) return;
  const std::size_t most = settings.positions - (settings.padding_id < 0 ? 0 : 1);  // there, 0 is padding's alone
  if (texts.longest() > most) {
    fail("a text has " + std::to_string(texts.longest()) + " ids; the model has positions for " +
         std::to_string(most));
  }
}

void look_up(const EmbeddingRows& table, std::size_t width, std::size_t row, float* out) {
  const std::size_t start = row * width;
  if (table.type == EmbeddingRows::Type::float32) {
    std::copy_n(static_cast<const float*>(table.data) + start, width, out);
  } else if (table.type == EmbeddingRows::Type::bfloat16) {
    const auto* values = static_cast<const std::uint16_t*>(table.data) + start;
    for (std::size_t i = 0; i < width; ++i) out[i] = float_of_bfloat16(values[i]);
  } else {
    const auto* codes = static_cast<const std::int8_t*>(table.data) + start;
    const float scale = table.scale[row];
    for (std::size_t i = 0; i < width; ++i) out[i] = scale * static_cast<float>(codes[i]);
  }
}

}  // namespace

void embed(const KernelTable& kernels, const EmbeddingSettings& settings, const PackedTexts& texts,
           std::span<const std::int64_t> ids, float* output) {
  check(settings, texts, ids);
  const NormView norm{settings.norm.weight, settings.norm.bias, settings.norm.epsilon};
  const std::size_t width = settings.width;
  for (std::size_t text = 0; text < texts.size(); ++text) {
    std::size_t counted = 0;  // tokens so far that are not padding
    for (std::size_t i = 0; i < texts.length(text); ++i) {
      const std::size_t token = texts.start(text) + i;
      float* out = output + token * width;
      look_up(settings.word, width, static_cast<std::size_t>(ids[token]), out);
      const bool counts = settings.padding_id < 0 || ids[token] != settings.padding_id;
      if (counts && settings.padding_id >= 0) ++counted;
      const std::size_t position = settings.padding_id < 0 ? i : counts ? counted : 0;
      const float* added = settings.position == nullptr ? nullptr : settings.position + position * width;
      if (added != nullptr || norm.weight != nullptr) kernels.norm_rows(out, added, 1, width, norm, out);
    }
  }
}

}  // namespace ortembed::kernels
