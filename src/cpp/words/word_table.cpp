// Owns the words whose tokens are known: a hash table from a word's bytes to its ids, of bounded size.
#include "words/word_table.h"

#include <algorithm>

namespace ortembed {
namespace {

constexpr std::size_t fewest_slots = 1024;
// Slots that are looked at for one word, so that words chosen to collide cost no more than others.
constexpr std::size_t most_steps = 32;

// FNV-1a (Fowler, Noll, Vo), whose low bits depend on all bytes.
std::uint32_t hash_of(std::string_view word) {
  std::uint32_t hash = 2166136261U;
  for (const char byte : word) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  return hash;
}

}  // namespace

bool WordTable::holds(const Slot& slot, std::uint32_t hash, std::string_view word) const {
  return slot.hash == hash && word == std::string_view(bytes_.data() + slot.bytes_at, slot.bytes);
}

std::optional<std::span<const std::int32_t>> WordTable::find(std::string_view word) const {
  const std::uint32_t hash = hash_of(word);
  const std::size_t steps = std::min(most_steps, slots_.size());
  for (std::size_t step = 0; step < steps; ++step) {
    const Slot& slot = slots_[(hash + step) & (slots_.size() - 1)];
    if (slot.bytes == 0) return std::nullopt;
    if (holds(slot, hash, word)) return std::span(ids_.data() + slot.ids_at, slot.ids);
  }
  return std::nullopt;
}

void WordTable::add(std::string_view word, std::span<const std::int32_t> ids) {
  if (word.empty() || word.size() > most_bytes || ids.size() > most_ids || find(word)) return;
  if (words_ == most_words) clear();
  if (2 * (words_ + 1) > slots_.size()) grow();
  const Slot slot{hash_of(word), static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(ids_.size()),
                  static_cast<std::uint8_t>(word.size()), static_cast<std::uint8_t>(ids.size())};
  if (!place(slot)) return;
  bytes_.insert(bytes_.end(), word.begin(), word.end());
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  ++words_;
}

bool WordTable::place(const Slot& slot) {
  for (std::size_t step = 0; step < most_steps; ++step) {
    Slot& place = slots_[(slot.hash + step) & (slots_.size() - 1)];
    if (place.bytes != 0) continue;
    place = slot;
    return true;
  }
  return false;
}

void WordTable::grow() {
  std::vector<Slot> before(std::max(fewest_slots, 2 * slots_.size()));
  before.swap(slots_);
  words_ = 0;
  for (const Slot& slot : before) {
    if (slot.bytes != 0 && place(slot)) ++words_;
  }
}

void WordTable::clear() {
  std::fill(slots_.begin(), slots_.end(), Slot());
  bytes_.clear();
  ids_.clear();
  words_ = 0;
}

}  // namespace ortembed
