"""Thousands of lines, good and bad, huge and binary: an answer for each, in order, in memory that stays."""

import json
import random
import sys
import threading

import numpy as np
import pytest

from ortembed.bridge.vectors import from_base64
from tests.bridge.processes import peak, rss

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory")
LINES = 10_000
LONGEST = 50_000
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "stock", "market", "fell", "東京", "Größe"]
BAD = [
    b"null",
    b'{"texts": "a"}',
    b'{"texts": ["a"], "texts": []}',
    b'{"method": "fly"}',
    b'{"method": "embed_batch", "params": {"model": "other", "inputs": ["a"]}}',
    b'{"texts": ["a"], "truncate_dim": NaN}',
    b'{"texts": ["\\ud800"]}',
    b'{"texts": ["a\0"]}',
    b"[" * 40_000,
    b'{"a":' * 9_000,
    b'{"texts": [' + b"1" * 45_000 + b"]}",
    b'{"texts": ["a"], "id": ' + b"8" * 5_000 + b"}",
]


def good(rng, number):
    text = " ".join(rng.choices(WORDS, k=rng.randint(0, 8)))
    return json.dumps({"id": number, "texts": [text], "encoding": "base64"}).encode(), text


def damaged(rng, line):
    line = bytearray(line)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(line))
        line[place : place + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
    return bytes(line).replace(b"\n", b" ")


def make_line(rng, number):
    """Give a line and the text whose vector has to come back, None for an error, "?" where either may be."""
    kind = rng.random()
    line, text = good(rng, number)
    if kind < 0.2:
        return line, text
    if kind < 0.4:
        return damaged(rng, line), "?"
    if kind < 0.8:
        return b"\xff" + rng.randbytes(rng.randint(0, 300)).replace(b"\n", b""), None
    if kind < 0.81:
        return rng.randbytes(1) * rng.randint(LONGEST + 1, 20 * LONGEST), None
    return rng.choice(BAD), None


def test_each_line_gets_its_answer(new_bridge, embedder):
    rng = random.Random(7)  # noqa: S311 - that failures can be repeated
    made = [make_line(rng, number) for number in range(LINES)]
    lines = [(line.replace(b"\n", b" "), expected) for line, expected in made if line.strip()]
    with new_bridge("all-minilm-l6-v2", "--max-line", LONGEST) as bridge:
        writer = threading.Thread(target=lambda: [bridge.send(line + b"\n") for line, _ in lines])
        writer.start()
        answers, memory = [], []
        for number in range(len(lines)):
            answers.append(bridge.read())
            if number % 1000 == 999:
                memory.append(rss(bridge.process.pid))
        writer.join()
        assert bridge.end() == (b"", 0)
    assert max(memory[4:]) - memory[3] < 15e6
    check(lines, answers, embedder)


def check(lines, answers, embedder):
    wrong = [
        (line[:80], answer)
        for (line, expected), answer in zip(lines, answers, strict=True)
        if expected != "?" and (answer["status"], answer.get("id")) != outcome(line, expected)
    ]
    assert wrong == []
    assert {answer["error_type"] for answer in answers if "error" in answer} == {"InvalidInputError"}
    pairs = [(e, a) for (_, e), a in zip(lines, answers, strict=True) if e not in (None, "?")]
    got = np.concatenate([from_base64(answer["embeddings"], 384) for _, answer in pairs])
    np.testing.assert_allclose(got, embedder.encode([text for text, _ in pairs]), atol=1e-5)


def outcome(line, expected):
    return ("error", None) if expected is None else ("success", json.loads(line)["id"])


@pytest.fixture(scope="module")
def int8(new_bridge):
    """Arguments of a bridge whose int8 model is there already: making it takes memory of its own."""
    arguments = ["all-minilm-l6-v2", "--dtype", "int8", "--threads", 2]
    with new_bridge(*arguments) as bridge:
        bridge.ask({"method": "ping"})
    return arguments


def test_int8_stays_below_its_memory(new_bridge, int8):
    """170 MB after 10,000 texts is a goal of the project's."""
    rng = random.Random(7)  # noqa: S311
    with new_bridge(*int8) as bridge:
        for _ in range(100):
            texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 16))) for _ in range(100)]
            assert bridge.ask({"texts": texts})["status"] == "success"
        assert rss(bridge.process.pid) < 170e6


@pytest.mark.parametrize(("encoding", "most"), [("float", 230e6), ("base64", 190e6)])
def test_int8_stays_below_its_peak_with_the_largest_requests(new_bridge, int8, encoding, most):
    rng = random.Random(7)  # noqa: S311
    with new_bridge(*int8) as bridge:
        for _ in range(5):
            texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 16))) for _ in range(2048)]
            assert bridge.ask({"texts": texts, "encoding": encoding})["status"] == "success"
        assert peak(bridge.process.pid) < most
