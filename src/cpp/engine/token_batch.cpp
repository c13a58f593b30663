// Owns the checked view of pre-encoded texts: borrowed flat ids, and where each row of them lies.
#include "engine/token_batch.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace ortembed {
namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_input, message); }

std::string text(std::int64_t value) { return std::to_string(value); }

std::int64_t count(const TokenIds& ids) {
  return std::visit([](auto span) { return static_cast<std::int64_t>(span.size()); }, ids);
}

void check_ends(std::span<const std::int64_t> offsets, std::int64_t total) {
  if (offsets.empty()) fail("offsets is empty; it must hold one value more than there are rows");
  if (offsets.front() != 0) fail("offsets[0] is " + text(offsets.front()) + "; it must be 0");
  if (offsets.back() != total) {
    fail("offsets[" + text(static_cast<std::int64_t>(offsets.size()) - 1) + "] is " + text(offsets.back()) +
         "; it must be the number of ids, " + text(total));
  }
}

void check_rows(std::span<const std::int64_t> offsets, std::int64_t max_tokens) {
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    const auto row = text(static_cast<std::int64_t>(i) - 1);
    // Compared before subtracting, which could overflow on hostile values.
    if (offsets[i] < offsets[i - 1]) {
      fail("offsets[" + text(static_cast<std::int64_t>(i)) + "] is " + text(offsets[i]) +
           ", below the one before it, " + text(offsets[i - 1]));
    }
    const std::int64_t length = offsets[i] - offsets[i - 1];
    if (length == 0) fail("row " + row + " has no ids; an empty text still has its special tokens");
    if (length > max_tokens) {
      fail("row " + row + " has " + text(length) + " ids; this model takes at most " + text(max_tokens));
    }
  }
}

void check_ids(const TokenIds& ids, std::span<const std::int64_t> offsets, std::int64_t vocab_size) {
  const auto bad_position = std::visit(
      [&](auto span) {
        const auto bad = [&](std::int64_t id) { return id < 0 || id >= vocab_size; };
        return std::ranges::find_if(span, bad) - span.begin();
      },
      ids);
  if (bad_position == count(ids)) return;
  const auto id = std::visit(
      [&](auto span) { return static_cast<std::int64_t>(span[static_cast<std::size_t>(bad_position)]); }, ids);
  const auto row = std::ranges::upper_bound(offsets, bad_position) - offsets.begin() - 1;
  fail("id " + text(id) + " at position " + text(bad_position - offsets[static_cast<std::size_t>(row)]) + " of row " +
       text(row) + " is outside the vocabulary of " + text(vocab_size));
}

}  // namespace

TokenBatch::TokenBatch(TokenIds ids, std::span<const std::int64_t> offsets, const TokenLimits& limits)
    : ids_(ids), offsets_(offsets.begin(), offsets.end()) {
  check_ends(offsets_, count(ids_));
  check_rows(offsets_, limits.max_tokens);
  check_ids(ids_, offsets_, limits.vocab_size);
}

std::vector<std::int64_t> TokenBatch::lengths() const {
  std::vector<std::int64_t> result(size());
  for (std::size_t row = 0; row < result.size(); ++row) result[row] = length(row);
  return result;
}

void TokenBatch::copy_row(std::size_t row, std::int64_t* destination) const {
  std::visit(
      [&](auto span) {
        const auto begin = static_cast<std::size_t>(offsets_[row]);
        std::ranges::copy(span.subspan(begin, static_cast<std::size_t>(length(row))), destination);
      },
      ids_);
}

}  // namespace ortembed
