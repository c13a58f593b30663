"""iter_encode: order, how far it reads, errors in their turn, and that nothing is left when it ends early."""

import itertools
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ortembed
from ortembed import InvalidInputError
from tests.python.no_collector import no_collector

TEXTS = [f"text number {i} " * (1 + i % 3) for i in range(100)]


@pytest.fixture(scope="module")
def expected(embedder):
    return embedder.encode(TEXTS)


def tokenizer_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ortembed-tokenizer")]


@settings(max_examples=12)
@given(count=st.integers(0, 60), chunk_size=st.sampled_from([1, 3, 16, 20, 2048]), data=st.data())
def test_vectors_are_those_of_encode_in_order(embedder, expected, count, chunk_size, data):
    places = data.draw(st.lists(st.integers(0, 99), min_size=count, max_size=count))
    vectors = list(embedder.iter_encode((TEXTS[i] for i in places), chunk_size=chunk_size))
    np.testing.assert_allclose(np.reshape(vectors, (-1, 384)), expected[places], rtol=0, atol=1e-6)


def test_a_vector_keeps_no_other_in_memory(embedder):
    first, second = embedder.iter_encode(["a", "a"])
    assert first.base is second.base is None
    assert (first.shape, first.dtype) == ((384,), np.float32)
    first[:] = 0
    assert second.any()


def test_options_are_those_of_encode(embedder):
    options = {"prompt": "about ", "truncate_dim": 50, "normalize_embeddings": False}
    vectors = list(embedder.iter_encode(TEXTS[:5], **options))
    np.testing.assert_allclose(vectors, embedder.encode(TEXTS[:5], **options), rtol=0, atol=2e-6)


def test_it_reads_no_further_than_it_says(embedder):
    """16 texts before the first vector, never more than two chunks beyond the vectors given."""
    read = []
    source = (read.append(i) or f"text {i}" for i in itertools.count())
    vectors = embedder.iter_encode(source, chunk_size=32)
    assert read == []
    next(vectors)
    assert len(read) == 16
    for vectors_given, _ in enumerate(itertools.islice(vectors, 150), 2):
        assert len(read) <= vectors_given + 2 * 32
    vectors.close()


@pytest.mark.parametrize("position", [0, 1, 15, 16, 17, 47, 48, 79])
def test_an_error_of_the_iterable_comes_in_its_turn(embedder, expected, position):
    error = LookupError("of the caller's")

    def source():
        yield from TEXTS[:position]
        raise error

    vectors = []
    with pytest.raises(LookupError) as caught:
        vectors.extend(embedder.iter_encode(source(), chunk_size=32))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    np.testing.assert_allclose(np.reshape(vectors, (-1, 384)), expected[:position], rtol=0, atol=1e-6)
    assert tokenizer_threads() == []


@pytest.mark.parametrize("position", [0, 16, 50])
@pytest.mark.parametrize(
    ("item", "message"), [(None, "is NoneType, not str"), ("\ud800", "has an unpaired surrogate")]
)
def test_what_is_no_text_is_named_in_its_turn(embedder, position, item, message):
    vectors = []
    with pytest.raises(InvalidInputError, match=rf"texts\[{position}\] {message}"):
        vectors.extend(embedder.iter_encode([*TEXTS[:position], item, *TEXTS[position:]], chunk_size=32))
    assert len(vectors) == position


@pytest.mark.parametrize("position", [0, 17, 60])
def test_an_interrupt_inside_the_iterable_is_not_put_off(embedder, position):
    def source():
        yield from TEXTS[:position]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(embedder.iter_encode(source(), chunk_size=32))
    assert tokenizer_threads() == []


def test_an_early_end_ends_a_thread_that_is_at_work(embedder):
    long = (f"[MASK] {number} word " * 10_000 for number in itertools.count())  # what no known words make short
    vectors = embedder.iter_encode(itertools.chain(TEXTS[:32], long), chunk_size=16)
    for _ in range(17):  # the last is of the second chunk: the third, of long texts, is tokenized
        next(vectors)
    assert len(tokenizer_threads()) == 1
    vectors.close()
    assert tokenizer_threads() == []


@pytest.mark.parametrize("taken", [0, 1, 16, 17, 60])
@pytest.mark.parametrize("way", ["close", "drop"])
def test_an_early_end_frees_everything(embedder, taken, way):
    ended = []

    def source():
        try:
            yield from itertools.cycle(TEXTS)
        finally:
            ended.append(True)

    vectors = embedder.iter_encode(source(), chunk_size=32)
    for _ in range(taken):
        next(vectors)
    with no_collector():
        if way == "close":
            vectors.close()
        del vectors
        assert tokenizer_threads() == []
        assert ended == ([True] if taken else [])  # a generator that never began has nothing to end


@pytest.mark.parametrize("position", [0, 5, 16, 40])
def test_a_failed_stream_keeps_no_embedder_in_memory(embedder, cache_dir, position):
    own = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)
    left = weakref.ref(own._pipeline)
    with no_collector():
        with pytest.raises(InvalidInputError):
            list(own.iter_encode([*TEXTS[:position], 3], chunk_size=16))
        del own
        assert left() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": "one"}, "texts must be a list of str, not str"),
        ({"texts": 3}, "texts must be a list of str, not int"),
        ({"chunk_size": 0}, "chunk_size is 0, not an int from 1 to 65536"),
        ({"truncate_dim": 0}, "truncate_dim is 0"),
        ({"prompt_name": "poem"}, "no prompt named 'poem'"),
    ],
)
def test_what_does_not_fit_is_told_at_once(embedder, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        embedder.iter_encode(**{"texts": TEXTS, **arguments})


def test_an_option_that_is_none_is_named_as_python_does(embedder):
    with pytest.raises(TypeError, match=r"Embedder.iter_encode\(\) got an unexpected keyword argument 'batch_size'"):
        embedder.iter_encode(TEXTS, batch_size=32)


def test_an_iterable_may_use_the_embedder_itself(embedder, expected):
    def source():
        for text in TEXTS[:40]:
            for _ in (embedder.encode(text), *embedder.iter_encode([text, text])):
                pass
            yield text

    np.testing.assert_allclose(list(embedder.iter_encode(source(), chunk_size=16)), expected[:40], rtol=0, atol=1e-6)


def test_ranges_are_those_of_the_moment_of_the_call(embedder):
    ranges = np.stack([np.full(384, -0.2, np.float32), np.full(384, 0.2, np.float32)])
    before = embedder.encode(TEXTS[:2], precision="uint8", ranges=ranges)
    vectors = embedder.iter_encode(TEXTS[:2], precision="uint8", ranges=ranges)
    ranges *= 10
    assert np.mean(np.array(list(vectors)) == before) > 0.99


def test_a_stream_that_is_not_ended_does_not_hold_up_the_exit(run_python, embedder, cache_dir):
    code = """if True:
        import itertools, ortembed, sys
        embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True)
        vectors = embedder.iter_encode(itertools.repeat("text"), chunk_size=16)
        for _ in range(40):
            next(vectors)
        print("end")
    """
    assert run_python(code, cache_dir) == "end\n"
