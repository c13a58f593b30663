"""aencode and its like: the same vectors, an event loop that goes on, and calls that end when they are cancelled."""

import asyncio
import threading
import weakref

import numpy as np
import pytest

import ortembed
from ortembed import InvalidInputError
from ortembed.background import Background
from tests.python.no_collector import no_collector

TEXTS = [f"text number {i} " * (1 + i % 3) for i in range(40)]
MANY = [f"many words in text {i} " * 20 for i in range(2000)]  # tens of seconds of work


@pytest.fixture
def own(cache_dir, embedder):
    """An Embedder whose counters nothing else moves."""
    return ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)


def background_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ortembed-background")]


async def started(own):
    """Wait until the model has finished a batch."""
    while own.stats().batches == 0:  # noqa: ASYNC110 - nobody sets an event for it
        await asyncio.sleep(0.005)


def test_vectors_are_those_of_encode(embedder):
    async def run():
        return await asyncio.gather(
            *(embedder.aencode(text) for text in TEXTS),
            embedder.aencode(TEXTS, truncate_dim=10),
            embedder.aencode(text for text in TEXTS),
            embedder.aencode_query(TEXTS[:2]),
            embedder.aencode_document(TEXTS[:2], normalize_embeddings=False),
        )

    *alone, cut, together, queries, documents = asyncio.run(run())
    expected = embedder.encode(TEXTS)
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(cut, embedder.encode(TEXTS, truncate_dim=10), rtol=0, atol=1e-6)
    np.testing.assert_allclose(queries, embedder.encode_query(TEXTS[:2]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        documents, embedder.encode_document(TEXTS[:2], normalize_embeddings=False), rtol=0, atol=2e-6
    )


def test_out_is_given_back(embedder):
    out = np.empty((2, 384), np.float32)
    assert asyncio.run(embedder.aencode(["a", "b"], out=out)) is out


@pytest.mark.parametrize("texts", [3, ["a", None]])
def test_errors_come_from_the_await(embedder, texts):
    with pytest.raises(InvalidInputError, match="texts"):
        asyncio.run(embedder.aencode(texts))
    with pytest.raises(InvalidInputError, match="truncate_dim"):
        asyncio.run(embedder.aencode("a", truncate_dim=0))


def test_the_loop_goes_on_while_a_call_runs(embedder):
    async def run():
        call = asyncio.ensure_future(embedder.aencode(TEXTS * 3))
        turns = 0
        while not call.done():
            await asyncio.sleep(0.001)
            turns += 1
        return turns

    assert asyncio.run(run()) > 10


def test_a_cancelled_call_stops_between_batches(own):
    async def run():
        call = asyncio.ensure_future(own.aencode(MANY))
        await started(own)
        threads = background_threads()
        assert threads
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return threads

    whole = own.token_count(MANY).sum()
    for thread in asyncio.run(run()):  # they end when they have nothing more to do
        thread.join()
    assert 0 < own.stats().tokens < whole / 2
    assert own.encode("still works").shape == (384,)


def test_calls_that_wait_never_run_once_cancelled(own):
    threads = own._pipeline.threads + 1

    async def run():
        running = [asyncio.ensure_future(own.aencode(MANY)) for _ in range(threads)]
        await started(own)
        waiting = [asyncio.ensure_future(own.aencode(["never", "run"])) for _ in range(20)]
        await asyncio.sleep(0)
        calls = own.stats().calls
        for call in [*waiting, *running]:
            call.cancel()
        ended = await asyncio.gather(*waiting, *running, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        return calls

    assert asyncio.run(run()) <= threads
    np.testing.assert_allclose(asyncio.run(own.aencode("a")), own.encode("a"), atol=1e-6)
    assert own.stats().calls <= threads + 2


def test_calls_run_in_few_threads_that_end_with_their_work():
    background = Background(2)
    both_are_in = threading.Barrier(2)
    inside, most, threads = [], [], set()

    def call(_control):
        threads.add(threading.current_thread())
        inside.append(1)
        both_are_in.wait(60)
        most.append(len(inside))
        both_are_in.wait(60)
        inside.pop()

    async def run():
        await asyncio.gather(*(background.run(call) for _ in range(20)))

    asyncio.run(run())
    assert most == [2] * 20
    for thread in threads:
        thread.join()


def test_an_embedder_is_gone_after_its_calls(embedder, cache_dir):
    own = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)
    left = weakref.ref(own), weakref.ref(own._pipeline)

    async def run(embedder):
        await embedder.aencode("a text")

    with no_collector():
        asyncio.run(run(own))
        del own
        for thread in background_threads():
            thread.join()
        assert [reference() for reference in left] == [None, None]


def test_a_failed_call_keeps_no_embedder_in_memory(embedder, cache_dir):
    own = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)
    left = weakref.ref(own._pipeline)

    async def run(embedder):
        with pytest.raises(InvalidInputError):
            await embedder.aencode(["a", None])

    with no_collector():
        asyncio.run(run(own))
        del own
        for thread in background_threads():
            thread.join()
        assert left() is None


def test_calls_that_no_thread_can_run_get_the_error(monkeypatch):
    background = Background(1)
    both_wait = threading.Event()
    start = threading.Thread.start

    def fail(_thread):
        assert both_wait.wait(60)
        raise RuntimeError("can't start new thread")

    def await_call():
        return asyncio.run(background.run(lambda _control: "done"))

    async def run():
        calls = [asyncio.create_task(asyncio.to_thread(await_call)) for _ in range(2)]
        while len(background._waiting) < 2:  # noqa: ASYNC110 - nobody sets an event for it
            await asyncio.sleep(0.005)
        both_wait.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    def start_others(thread):
        return fail(thread) if thread.name == "ortembed-background" else start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    assert [str(error) for error in asyncio.run(run())] == ["can't start new thread"] * 2
    monkeypatch.undo()
    assert await_call() == "done"


def test_an_option_that_is_none_is_named_as_python_does(embedder):
    with pytest.raises(TypeError, match=r"Embedder.aencode\(\) got an unexpected keyword argument 'batch_size'"):
        asyncio.run(embedder.aencode("a", batch_size=32))


EXIT = """if True:
    import asyncio, ortembed, sys
    embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True)
    loop = asyncio.new_event_loop()
    async def start():
        texts = [f"{i} words " * 120 for i in range(20_000)]
        calls = [asyncio.ensure_future(embedder.aencode(texts)) for _ in range(5)]
        while embedder.stats().batches == 0:
            await asyncio.sleep(0.005)
        return calls
    calls = loop.run_until_complete(start())
    print("end", flush=True)
"""


def test_running_calls_do_not_hold_up_the_exit(run_python, embedder, cache_dir):
    """The work that is left would take most of an hour."""
    assert run_python("import warnings; warnings.simplefilter('ignore')\n" + EXIT, cache_dir) == "end\n"
