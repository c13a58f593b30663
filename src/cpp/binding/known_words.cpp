// Owns the Python face of the words whose tokens are known.
#include "binding/known_words.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "binding/arrays.h"
#include "binding/gil.h"
#include "words/known_words.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

// A list of str as UTF-8, of which a str itself would keep a copy for as long as it lives.
class Utf8Texts {
 public:
  Utf8Texts(const nb::list& texts, const char* name) {
    bytes_.reserve(texts.size());
    views_.reserve(texts.size());
    for (const nb::handle text : texts) {
      if (!nb::isinstance<nb::str>(text)) {
        throw Error(ErrorCode::invalid_input, std::string(name) + " must be a list of str");
      }
      nb::bytes utf8 = nb::steal<nb::bytes>(PyUnicode_AsUTF8String(text.ptr()));
      if (!utf8.is_valid()) throw nb::python_error();
      views_.emplace_back(utf8.c_str(), utf8.size());
      bytes_.push_back(std::move(utf8));
    }
  }
  std::span<const std::string_view> views() const { return views_; }

 private:
  std::vector<nb::bytes> bytes_;
  std::vector<std::string_view> views_;
};

template <class T>
nb::object array_of(std::vector<T>&& values) {
  auto* kept = new std::vector<T>(std::move(values));
  const nb::capsule owner(kept, [](void* data) noexcept { delete static_cast<std::vector<T>*>(data); });
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner));
}

nb::tuple read(const KnownWords& words, const nb::list& texts, std::size_t longest, bool cuts_left) {
  const Utf8Texts utf8(texts, "texts");
  ReadTexts found;
  {
    const GilReleased released;
    found = words.read(utf8.views(), longest, cuts_left);
  }
  nb::list unknown;
  for (const std::string& word : found.unknown) unknown.append(nb::str(word.data(), word.size()));
  return nb::make_tuple(array_of(std::move(found.ids)), array_of(std::move(found.counts)), found.unread, unknown);
}

void learn(KnownWords& words, const nb::list& given, nb::handle ids, nb::handle offsets) {
  const Utf8Texts utf8(given, "words");
  const EncodedTexts encoded(ids, offsets);
  const auto* narrow = std::get_if<std::span<const std::int32_t>>(&encoded.ids);
  if (narrow == nullptr) throw Error(ErrorCode::invalid_input, "ids must be of dtype int32");
  const GilReleased released;
  words.learn(utf8.views(), *narrow, encoded.offsets);
}

}  // namespace

void register_known_words(nb::module_& module) {
  nb::class_<KnownWords>(module, "KnownWords",
                         "Words whose tokens a tokenizer has told, for one that splits texts at white space and\n"
                         "ASCII punctuation, and tokenizes each word by itself. Thread-safe; keeps 65,536 words.")
      .def(
          "__init__",
          [](KnownWords* self, bool is_lowercase, std::vector<std::string> added, std::vector<std::int32_t> before,
             std::vector<std::int32_t> after) {
            new (self) KnownWords({is_lowercase, std::move(added), std::move(before), std::move(after)});
          },
          "is_lowercase"_a, "added"_a, "before"_a, "after"_a,
          "is_lowercase: ASCII letters are made small first. added: tokens that are found anywhere in a text, small\n"
          "where is_lowercase; a text with one is not read. before, after: special tokens of each text.\n"
          "Raises InvalidInputError for an added token that is not of visible ASCII characters.")
      .def(
          "read", &read, "texts"_a, "longest"_a, nb::kw_only(), "cuts_left"_a,
          nb::sig("def read(self, texts: list[str], longest: int, *, cuts_left: bool) "
                  "-> tuple[numpy.ndarray, numpy.ndarray, int, list[str]]"),
          "Gives the ids of those texts that could be read, end to end and each cut to `longest`: int32; the tokens\n"
          "of each text before it was cut, special ones included, or -1 for one that could not be read: int64 [n];\n"
          "how many of those there are; and the words for whose lack that was, 16,384 of them at most. Raises "
          "InvalidInputError.")
      .def(
          "learn", &learn, "words"_a, "ids"_a, "offsets"_a,
          nb::sig("def learn(self, words: list[str], ids: numpy.ndarray, offsets: numpy.ndarray) -> None"),
          "Keeps the ids of unknown words: int32, end to end; offsets: int64 [words + 1]. One of more than 64 bytes\n"
          "or 32 ids is not kept. Raises InvalidInputError.");
}

}  // namespace ortembed
