"""A process that is killed again and again, at moments that chance decides: every call gets its own answer, once."""

import os
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest

from tests.bridge.processes import in_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals of POSIX")
KILLS = 50
CALLERS = 4


class Killer:
    """Kills whatever process a client has, now as it starts, now after some answers and within the next request."""

    def __init__(self, client, answers):
        self._supervisor, self._answers = client._supervisor, answers
        self._rng = random.Random(5)  # noqa: S311 - that failures can be repeated
        self.killed = set()
        self.is_alone = threading.Event()  # no caller is left, so that there will be no more answers

    def run(self):
        while len(self.killed) < KILLS and not self.is_alone.is_set():
            process = self._supervisor._process
            if process is None or process._process.pid in self.killed:
                continue
            if self._rng.random() > 0.2:
                self._wait_for_answers(self._rng.randint(1, 15))
            time.sleep(self._rng.random() * 0.01)
            os.kill(process._process.pid, signal.SIGKILL)
            self.killed.add(process._process.pid)

    def _wait_for_answers(self, number):
        until = len(self._answers) + number
        while len(self._answers) < until and not self.is_alone.wait(0.0005):
            pass


def test_no_answer_is_lost_or_doubled(new_client, embedder):
    client = new_client()
    answers = []  # (texts, vectors), appended by all callers
    killer = Killer(client, answers)
    killing = threading.Thread(target=killer.run)

    def call(caller):
        number = 0
        while killing.is_alive():
            number += 1
            texts = [f"caller {caller} call {number} text {i}" for i in range(number % 4)]
            answers.append((texts, client.encode(texts, truncate_dim=64)))

    killing.start()
    try:
        in_threads(call, CALLERS)
    finally:
        killer.is_alone.set()
        killing.join()
    assert len(killer.killed) == KILLS
    assert [(len(texts), 64) for texts, _ in answers] == [rows.shape for _, rows in answers]
    expected = embedder.encode([text for texts, _ in answers for text in texts], truncate_dim=64)
    np.testing.assert_allclose(np.concatenate([rows for _, rows in answers]), expected, atol=1e-5)
    assert not client._supervisor._sent
    assert not client._supervisor._waiting
