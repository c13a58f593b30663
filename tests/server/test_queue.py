"""The queue on an engine of the test's own: joining, order, failures apart, places freed, bounds, the end."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from ortembed.errors import InferenceError, ServiceUnavailableError
from ortembed.server.api_errors import OverloadedError
from ortembed.server.queue import JoiningQueue, Kind
from ortembed.tokenizer import TokenizedTexts

POOLED = Kind()
POISON = 666


class Engine:
    """Gives each text the vector [first id, tokens]. Waits at its gate; fails for the texts that have POISON."""

    def __init__(self, *, is_open=True):
        self.gate = threading.Event()
        self.began = threading.Semaphore(0)
        self.batches = []
        if is_open:
            self.gate.set()

    def __call__(self, ids, offsets, kind):
        rows = [ids[a:b].tolist() for a, b in pairwise(offsets)]
        self.batches.append((kind, rows))
        self.began.release()
        assert self.gate.wait(10)
        if any(POISON in row for row in rows):
            raise InferenceError("poison")
        return [np.array([row[0], len(row)], np.float32) for row in rows]


def texts(*rows):
    """Texts as the tokenizer gives them, each of so many of its first id."""
    flat = [value for first, count in rows for value in [first] * count]
    return TokenizedTexts(np.array(flat, np.int32), np.cumsum([0, *(count for _, count in rows)]), 0)


def values(outcome):
    return [row.tolist() for row in outcome.rows]


def run(engine, test, **options):
    """Run a coroutine function with a queue over the engine."""
    noted = []
    defaults = {"slots": 1, "batch_tokens": 100, "max_tokens": 1000}

    async def main():
        queue = JoiningQueue(engine, on_batch=lambda *batch: noted.append(batch), **{**defaults, **options})
        try:
            return await test(queue)
        finally:
            engine.gate.set()
            queue.close()

    result = asyncio.run(main())
    return result, noted


async def begun(engine, count=1):
    for _ in range(count):
        assert await asyncio.get_running_loop().run_in_executor(None, partial(engine.began.acquire, timeout=10))


def test_vectors_are_in_the_order_of_the_texts():
    async def test(queue):
        return values(await queue.run(texts((7, 2), (8, 9), (9, 4)), POOLED))

    assert run(Engine(), test) == ([[7, 2], [8, 9], [9, 4]], [(3, 15)])


def test_what_waits_is_joined_and_what_finds_the_engine_free_begins_at_once():
    engine = Engine(is_open=False)

    async def test(queue):
        first = asyncio.ensure_future(queue.run(texts((1, 3)), POOLED))
        await begun(engine)
        others = [asyncio.ensure_future(queue.run(texts((n, n)), POOLED)) for n in (2, 3, 4)]
        await asyncio.sleep(0)
        assert queue.size == 3
        engine.gate.set()
        return [values(await request) for request in (first, *others)]

    answers, noted = run(engine, test)
    assert answers == [[[1, 3]], [[2, 2]], [[3, 3]], [[4, 4]]]
    assert noted == [(1, 3), (3, 9)]


def test_a_batch_holds_so_many_tokens_and_one_kind():
    engine = Engine(is_open=False)
    unit = Kind(normalize=True)

    async def test(queue):
        requests = [asyncio.ensure_future(queue.run(texts((0, 1)), POOLED))]
        await begun(engine)
        for number, kind in enumerate((POOLED, unit, POOLED, unit), 1):
            requests.append(asyncio.ensure_future(queue.run(texts((number, 40)), kind)))
        requests.append(asyncio.ensure_future(queue.run(texts((5, 30)), POOLED)))
        await asyncio.sleep(0)
        engine.gate.set()
        return [values(await request)[0][0] for request in requests]

    answers, noted = run(engine, test)
    assert answers == [0, 1, 2, 3, 4, 5]
    assert sorted(noted) == [(1, 1), (1, 30), (2, 80), (2, 80)]
    assert all(len({kind}) == 1 for kind, _ in engine.batches)
    assert {kind for kind, _ in engine.batches} == {POOLED, unit}


def test_several_batches_are_with_the_engine_at_once():
    engine = Engine(is_open=False)

    async def test(queue):
        requests = [asyncio.ensure_future(queue.run(texts((n, 100)), POOLED)) for n in (1, 2, 3)]
        await begun(engine, 2)
        assert (len(engine.batches), queue.size) == (2, 1)
        engine.gate.set()
        await asyncio.gather(*requests)

    run(engine, test, slots=2)


def test_a_request_that_fails_does_not_fail_the_others():
    engine = Engine(is_open=False)

    async def test(queue):
        first = asyncio.ensure_future(queue.run(texts((0, 1)), POOLED))
        await begun(engine)
        rows = [((1, 2),), ((POISON, 2), (2, 2)), ((3, 2),)]
        requests = [asyncio.ensure_future(queue.run(texts(*some), POOLED)) for some in rows]
        await asyncio.sleep(0)
        engine.gate.set()
        return await asyncio.gather(first, *requests, return_exceptions=True)

    (_, good, bad, other), noted = run(engine, test)
    assert (values(good), values(other)) == ([[1, 2]], [[3, 2]])
    assert isinstance(bad, InferenceError)
    assert noted == [(1, 1), (4, 8)]


def test_what_is_left_of_a_request_that_failed_never_runs():
    engine = Engine()

    async def test(queue):
        with pytest.raises(InferenceError):
            await queue.run(texts((POISON, 90), (1, 80), (2, 80)), POOLED)
        await queue.run(texts((5, 1)), POOLED)
        assert queue.size == 0

    run(engine, test)
    assert [rows[0][0] for _, rows in engine.batches] == [POISON, 5]


def test_a_cancelled_request_frees_its_place():
    engine = Engine(is_open=False)

    async def test(queue):
        first = asyncio.ensure_future(queue.run(texts((0, 1)), POOLED))
        await begun(engine)
        gone = asyncio.ensure_future(queue.run(texts((1, 900)), POOLED))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await queue.run(texts((2, 200)), POOLED)
        gone.cancel()
        await asyncio.wait([gone])
        assert queue.size == 0
        after = asyncio.ensure_future(queue.run(texts((2, 200)), POOLED))
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, after)

    run(engine, test)
    assert [rows[0][0] for _, rows in engine.batches] == [0, 2]


def test_one_that_is_cancelled_while_it_runs_disturbs_nobody():
    engine = Engine(is_open=False)

    async def test(queue):
        gone = asyncio.ensure_future(queue.run(texts((1, 3)), POOLED))
        await begun(engine)
        gone.cancel()
        await asyncio.wait([gone])
        engine.gate.set()
        return values(await queue.run(texts((2, 3)), POOLED))

    assert run(engine, test)[0] == [[2, 3]]


def test_only_so_many_tokens_may_wait_but_one_that_nobody_is_before_may_be_larger():
    engine = Engine(is_open=False)

    async def test(queue):
        first = asyncio.ensure_future(queue.run(texts((0, 1)), POOLED))
        await begun(engine)
        large = asyncio.ensure_future(queue.run(texts((1, 5000)), POOLED))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="5000 tokens wait") as refused:
            await queue.run(texts((2, 1)), POOLED)
        assert refused.value.headers()["Retry-After"] == "1"
        engine.gate.set()
        await asyncio.gather(first, large)

    run(engine, test)


def test_the_end_fails_what_waits_and_what_runs():
    engine = Engine(is_open=False)

    async def test(queue):
        requests = [asyncio.ensure_future(queue.run(texts((n, 60)), POOLED)) for n in (1, 2)]
        await begun(engine)
        queue.close()
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ServiceUnavailableError] * 2
        with pytest.raises(ServiceUnavailableError):
            await queue.run(texts((3, 1)), POOLED)

    run(engine, test)
    assert len(engine.batches) == 1


def test_times_are_told():
    async def test(queue):
        outcome = await queue.run(texts((1, 3)), POOLED)
        assert outcome.queue_seconds >= 0
        assert outcome.inference_seconds > 0

    run(Engine(), test)


def test_many_requests_of_many_texts_all_get_their_own():
    async def test(queue):
        sizes = [(n * 7919) % 23 + 1 for n in range(200)]
        requests = [
            queue.run(texts(*((1000 * n + k, k % 9 + 1) for k in range(size))), POOLED)
            for n, size in enumerate(sizes)
        ]
        outcomes = await asyncio.gather(*requests)
        for n, outcome in enumerate(outcomes):
            assert values(outcome) == [[1000 * n + k, k % 9 + 1] for k in range(sizes[n])]

    _, noted = run(Engine(), test, slots=3, batch_tokens=64, max_tokens=10**6)
    assert max(tokens for _, tokens in noted) <= 64


def test_where_no_thread_can_be_started_requests_fail_and_the_queue_lives(monkeypatch):
    async def test(queue):
        with monkeypatch.context() as patch:

            def refuse(*_arguments):
                raise RuntimeError("can't start new thread")

            patch.setattr(type(queue._threads), "submit", refuse)
            for _ in range(3):
                with pytest.raises(ServiceUnavailableError, match="no thread can be started"):
                    await queue.run(texts((1, 2), (2, 200)), POOLED)
        assert (queue.size, queue._waiting) == (0, set())
        return values(await queue.run(texts((3, 1)), POOLED))

    assert run(Engine(), test)[0] == [[3, 1]]
