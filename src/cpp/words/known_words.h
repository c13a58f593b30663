// Owns the split of texts into words, and their ids from the words that are known.
//
// What a word's tokens are is the tokenizer's to say; it is asked once, and remembered. That holds for tokenizers
// that take a text apart where white space and ASCII punctuation are before they look for tokens, and whose tokens
// depend on the word alone: BERT's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "words/word_table.h"

namespace ortembed {

// What a tokenizer does besides.
struct WordRules {
  bool is_lowercase;               // ASCII letters are made small first
  std::vector<std::string> added;  // tokens that are found anywhere in a text, with small letters where is_lowercase
  std::vector<std::int32_t> before;  // special tokens of each text
  std::vector<std::int32_t> after;
};

// Texts as ids.
struct ReadTexts {
  std::vector<std::int32_t> ids;     // of those texts that could be read, end to end
  std::vector<std::int64_t> counts;  // tokens of each before it was cut, special ones included; -1: it was not read
  std::size_t unread = 0;            // how many of those
  std::vector<std::string> unknown;  // words for whose lack texts were not read, each once: the first of them
};

// Thread-safe.
class KnownWords {
 public:
  // That one reading tells: few enough that all are kept. Texts with others are left to the tokenizer.
  static constexpr std::size_t most_unknown = WordTable::most_words / 4;

  // Throws Error(invalid_input) for an added token that is empty or not of visible ASCII characters.
  explicit KnownWords(WordRules rules);

  // Reads UTF-8 texts, each cut to so many tokens at its end or beginning. `longest` exceeds the special tokens.
  ReadTexts read(std::span<const std::string_view> texts, std::size_t longest, bool cuts_left) const;

  // Keeps the ids of words that were unknown; offsets [words + 1]. Throws Error(invalid_input) unless they fit.
  void learn(std::span<const std::string_view> words, std::span<const std::int32_t> ids,
             std::span<const std::int64_t> offsets);

 private:
  enum class Kind : std::uint8_t { letter, mark, space, other };
  class Reader;

  WordRules rules_;
  std::array<Kind, 256> kinds_{};
  std::array<char, 256> small_{};
  std::array<bool, 256> may_begin_{};  // an added token
  mutable std::shared_mutex mutex_;
  WordTable table_;
};

}  // namespace ortembed
