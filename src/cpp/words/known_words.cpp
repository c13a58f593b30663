// Owns the split of texts into words, and their ids from the words that are known.
#include "words/known_words.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/error.h"

namespace ortembed {
namespace {

std::size_t place(char byte) { return static_cast<unsigned char>(byte); }
bool is_space(std::size_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
bool is_visible(std::size_t byte) { return byte > ' ' && byte < 0x7F; }
bool is_big(std::size_t byte) { return byte >= 'A' && byte <= 'Z'; }
bool is_letter(std::size_t byte) {
  return is_big(byte) || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

}  // namespace

// Reads one text after another.
class KnownWords::Reader {
 public:
  Reader(const KnownWords& words, ReadTexts& result) : words_(words), result_(result) {}

  // Appends the text's ids, without special tokens; false where they are not known.
  bool read(std::string_view text) {
    const std::size_t unknown = result_.unknown.size();
    const Answer answer = read_parts(text);
    if (answer == Answer::never) ask_no_more_than(unknown);
    return answer == Answer::known;
  }

 private:
  enum class Answer { known, unknown, never };

  Answer read_parts(std::string_view text) {
    bool is_known = true;
    std::size_t i = 0;
    while (i < text.size()) {
      if (kind(text[i]) == Kind::space) {
        ++i;
        continue;
      }
      const std::size_t start = i;
      bool is_plain = true;
      for (; i < text.size() && kind(text[i]) != Kind::space; ++i) is_plain &= kind(text[i]) != Kind::other;
      const std::string_view part = text.substr(start, i - start);
      const Answer answer = is_plain ? split(part) : look_up(part);
      if (answer == Answer::never) return answer;
      is_known &= answer == Answer::known;
    }
    return is_known ? Answer::known : Answer::unknown;
  }

  // Of a text that is not to be read, no word is asked for.
  void ask_no_more_than(std::size_t count) {
    for (; result_.unknown.size() > count; result_.unknown.pop_back()) asked_.erase(result_.unknown.back());
  }

  Kind kind(char byte) const { return words_.kinds_[place(byte)]; }

  // A part between white space, of letters and marks alone: each mark is a word.
  Answer split(std::string_view part) {
    char word[WordTable::most_bytes];
    std::size_t size = 0;
    bool is_known = true;
    const auto end_word = [&] {
      if (size > 0) is_known &= look_up({word, size}) == Answer::known;
      size = 0;
    };
    for (std::size_t i = 0; i < part.size(); ++i) {
      const char byte = words_.small_[place(part[i])];
      if (words_.may_begin_[place(byte)] && begins_added(part.substr(i))) return Answer::never;
      if (kind(byte) == Kind::mark) {
        end_word();
        is_known &= look_up({&byte, 1}) == Answer::known;
      } else if (size == WordTable::most_bytes) {
        return Answer::never;
      } else {
        word[size++] = byte;
      }
    }
    end_word();
    return is_known ? Answer::known : Answer::unknown;
  }

  bool begins_added(std::string_view rest) const {
    return std::any_of(words_.rules_.added.begin(), words_.rules_.added.end(), [&](const std::string& token) {
      return token.size() <= rest.size() && std::equal(token.begin(), token.end(), rest.begin(),
                                                       [&](char a, char b) { return a == words_.small_[place(b)]; });
    });
  }

  Answer look_up(std::string_view word) {
    if (word.size() > WordTable::most_bytes) return Answer::never;
    if (const auto ids = words_.table_.find(word)) {
      result_.ids.insert(result_.ids.end(), ids->begin(), ids->end());
      return Answer::known;
    }
    if (result_.unknown.size() < most_unknown && asked_.emplace(word).second) result_.unknown.emplace_back(word);
    return Answer::unknown;
  }

  const KnownWords& words_;
  ReadTexts& result_;
  std::set<std::string> asked_;  // sorted: no words are chosen to collide
};

KnownWords::KnownWords(WordRules rules) : rules_(std::move(rules)) {
  for (std::size_t byte = 0; byte < kinds_.size(); ++byte) {
    kinds_[byte] = is_space(byte)     ? Kind::space
                   : is_letter(byte)  ? Kind::letter
                   : is_visible(byte) ? Kind::mark
                                      : Kind::other;
    small_[byte] = static_cast<char>(rules_.is_lowercase && is_big(byte) ? byte - 'A' + 'a' : byte);
  }
  for (const std::string& token : rules_.added) {
    if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) { return is_visible(place(c)); })) {
      throw Error(ErrorCode::invalid_input, "added tokens must be of visible ASCII characters");
    }
    may_begin_[place(token.front())] = true;
  }
}

ReadTexts KnownWords::read(std::span<const std::string_view> texts, std::size_t longest, bool cuts_left) const {
  const std::size_t specials = rules_.before.size() + rules_.after.size();
  if (longest <= specials) throw Error(ErrorCode::invalid_input, "longest must exceed the special tokens");
  ReadTexts result;
  std::vector<std::int32_t>& ids = result.ids;
  Reader reader(*this, result);
  const std::shared_lock lock(mutex_);
  for (const std::string_view text : texts) {
    const std::size_t start = ids.size();
    ids.insert(ids.end(), rules_.before.begin(), rules_.before.end());
    const auto own = static_cast<std::ptrdiff_t>(ids.size());
    if (!reader.read(text)) {
      ids.resize(start);
      result.counts.push_back(-1);
      ++result.unread;
      continue;
    }
    const std::size_t count = ids.size() - start + rules_.after.size();
    result.counts.push_back(static_cast<std::int64_t>(count));
    if (count > longest) {
      const auto surplus = static_cast<std::ptrdiff_t>(count - longest);
      const auto first = cuts_left ? ids.begin() + own : ids.end() - surplus;
      ids.erase(first, first + surplus);
    }
    ids.insert(ids.end(), rules_.after.begin(), rules_.after.end());
  }
  return result;
}

void KnownWords::learn(std::span<const std::string_view> words, std::span<const std::int32_t> ids,
                       std::span<const std::int64_t> offsets) {
  const bool fits = offsets.size() == words.size() + 1 && offsets.front() == 0 &&
                    offsets.back() == static_cast<std::int64_t>(ids.size()) &&
                    std::is_sorted(offsets.begin(), offsets.end());
  if (!fits)
    throw Error(ErrorCode::invalid_input, "offsets must rise from 0 to the number of ids, one more than words");
  const std::unique_lock lock(mutex_);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto first = static_cast<std::size_t>(offsets[i]);
    table_.add(words[i], ids.subspan(first, static_cast<std::size_t>(offsets[i + 1]) - first));
  }
}

}  // namespace ortembed
