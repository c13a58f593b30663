// Owns the words whose tokens are known: a hash table from a word's bytes to its ids, of bounded size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ortembed {

class WordTable {
 public:
  // What is longer is not kept.
  static constexpr std::size_t most_bytes = 64;
  static constexpr std::size_t most_ids = 32;
  static constexpr std::size_t most_words = std::size_t{1} << 16;  // some 3 MB of common ones, 16 MB of the longest

  // The word's ids, valid until a word is added; nothing for a word that is not there.
  std::optional<std::span<const std::int32_t>> find(std::string_view word) const;

  // Keeps a word. A full table forgets all words before, so that those in use now have their place soon again.
  void add(std::string_view word, std::span<const std::int32_t> ids);

  std::size_t size() const { return words_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t bytes_at = 0;
    std::uint32_t ids_at = 0;
    std::uint8_t bytes = 0;  // none: the slot is free
    std::uint8_t ids = 0;
  };

  bool holds(const Slot& slot, std::uint32_t hash, std::string_view word) const;
  bool place(const Slot& slot);
  void grow();
  void clear();

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::vector<char> bytes_;
  std::vector<std::int32_t> ids_;
  std::size_t words_ = 0;
};

}  // namespace ortembed
