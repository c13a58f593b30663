"""The native words at their border, and the bounds of what they keep."""

import numpy as np
import pytest

from ortembed import InvalidInputError, _native

MOST_WORDS = 65_536
MOST_UNKNOWN = 16_384


def make(added=(), *, is_lowercase=True, before=(101,), after=(102,)):
    return _native.KnownWords(is_lowercase, list(added), list(before), list(after))


def teach(words, names, *rows):
    rows = rows or [[number] for number in range(len(names))]
    offsets = np.cumsum([0, *map(len, rows)])
    words.learn(names, np.array([id_ for row in rows for id_ in row], np.int32), offsets)


def read(words, *texts, longest=100, cuts_left=False):
    ids, counts, unread, unknown = words.read(list(texts), longest, cuts_left=cuts_left)
    assert (ids.dtype, counts.dtype) == (np.int32, np.int64)
    assert unread == sum(counts < 0)
    return ids.tolist(), counts.tolist(), unknown


def test_texts_are_read_from_words_that_are_known():
    words = make()
    assert read(words, "Big, big dogs!", "", "big") == ([101, 102], [-1, 2, -1], ["big", ",", "dogs", "!"])
    teach(words, ["big", ",", "dogs", "!"], [7], [8], [9, 10], [11])
    assert read(words, "Big, big dogs!", "\tBIG\r\n") == ([101, 7, 8, 7, 9, 10, 11, 102, 101, 7, 102], [8, 3], [])
    assert read(make(is_lowercase=False), "Big")[2] == ["Big"]


def test_a_part_with_other_characters_is_one_word_as_it_is():
    assert read(make(), "It's Über-cool a\x00b\x0b c\u3000d")[2] == [
        *("it", "'", "s"), "Über-cool", "a\x00b\x0b", "c\u3000d"]  # fmt: skip


def test_texts_are_cut_at_either_side():
    words = make()
    teach(words, ["a", "b", "c"], [1], [2, 3], [4])
    assert read(words, "a b c", "a", longest=4) == ([101, 1, 2, 102, 101, 1, 102], [6, 3], [])
    assert read(words, "a b c", "a", longest=4, cuts_left=True) == ([101, 3, 4, 102, 101, 1, 102], [6, 3], [])


def test_a_text_with_an_added_token_is_not_read():
    words = make(["[x]", "yz"])
    teach(words, ["a", "[", "]", "x", "y"])
    assert read(words, "a[X]", "[x [] x]", "ayz", "y z")[1:] == ([-1, 8, -1, -1], ["z"])


def test_no_word_is_asked_for_of_a_text_that_is_not_to_be_read():
    assert read(make(["[x]"]), "one two", "two three [x]", "four " + "a" * 65, "three")[2] == ["one", "two", "three"]


def test_so_many_words_are_asked_for_at_once():
    names = [f"w{number:x}" for number in range(MOST_UNKNOWN + 9)]
    unknown = read(make(), " ".join(names), "more")[2]
    assert unknown == names[:MOST_UNKNOWN]


def test_words_that_are_too_long_are_never_asked_for():
    assert read(make(), "a" * 65, "é" * 33, "b" * 64, "é" * 32) == ([], [-1] * 4, ["b" * 64, "é" * 32])
    words = make()
    teach(words, ["many", "most"], range(33), range(32))
    assert read(words, "many", "most")[1:] == ([-1, 34], ["many"])


def test_a_full_table_begins_anew():
    words = make()
    names = [f"w{number:x}" for number in range(3 * MOST_WORDS // 2)]
    teach(words, names)
    _, counts, _ = read(words, *names)
    known = [name for name, count in zip(names, counts, strict=True) if count > 0]
    assert len(known) < MOST_WORDS
    assert len(set(names[-1000:]).difference(known)) < 10
    assert read(words, known[-1])[0] == [101, names.index(known[-1]), 102]


def colliding_words(count):
    """Give words whose hashes have the same low 17 bits, as many as there are slots for in a full table."""
    numbers = np.arange(count * 2**17, dtype=np.uint64)
    hashes = np.full(len(numbers), 2166136261, np.uint64)
    shown = []
    for place in range(7):
        byte = (numbers // np.uint64(16**place)) % np.uint64(16) + np.uint64(ord("a"))
        shown.append(byte.astype(np.uint8))
        hashes = ((hashes ^ byte) * np.uint64(16777619)) & np.uint64(0xFFFFFFFF)
    bits = (hashes & np.uint64(2**17 - 1)).astype(np.int64)
    commonest = np.bincount(bits).argmax()
    letters = np.stack(shown, 1)[bits == commonest]
    return [bytes(row).decode() for row in letters]


def test_words_that_collide_are_kept_up_to_a_bound():
    names = colliding_words(64)
    assert len(names) > 64
    words = make()
    teach(words, names)
    for number, name in enumerate(names):
        ids, counts, _ = read(words, name)
        assert ids == ([101, number, 102] if number < 32 else [])
        assert counts == ([3] if number < 32 else [-1])


def test_words_of_the_same_hash_are_told_apart():
    words = make()
    teach(words, ["costarring"])  # whose 32 bits of FNV-1a are those of "liquid"
    assert read(words, "costarring", "liquid") == ([101, 0, 102], [3, -1], ["liquid"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make(["a b"]), "visible ASCII"),
        (lambda: make([""]), "visible ASCII"),
        (lambda: make(["é"]), "visible ASCII"),
        (lambda: make().read(["a"], 2, cuts_left=False), "longest must exceed the special tokens"),
        (lambda: make().read(["a", 1], 9, cuts_left=False), "texts must be a list of str"),
        (lambda: make().learn(["a", None], np.zeros(2, np.int32), np.arange(3)), "words must be a list of str"),
        (lambda: make().learn(["a"], np.zeros(1, np.int64), np.arange(2)), "ids must be of dtype int32"),
        (lambda: make().learn(["a"], np.zeros(1, np.int32), np.arange(3)), "offsets must rise"),
        (lambda: make().learn(["a"], np.zeros(1, np.int32), np.array([], np.int64)), "offsets must rise"),
        (lambda: make().learn(["a"], np.zeros(2, np.int32), np.array([0, 1])), "offsets must rise"),
        (lambda: make().learn(["a", "b"], np.zeros(1, np.int32), np.array([0, 2, 1])), "offsets must rise"),
        (lambda: make().learn(["a"], np.zeros(1, np.int32), np.array([-1, 1])), "offsets must rise"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(UnicodeEncodeError):
        make().read(["\ud800"], 9, cuts_left=False)
