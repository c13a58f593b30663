"""Processes that give no answer: calls end in time, and what hangs is replaced."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

from ortembed.bridge import supervisor
from ortembed.errors import ServiceUnavailableError
from tests.bridge.processes import UNRELIABLE_COMMAND, pid, raised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals of POSIX")
LONG = 30  # seconds, in which a new process has answered


@pytest.fixture
def hanging(request, new_client, tmp_path, monkeypatch):
    """A client whose process has in hand what nobody waits for any more: a call that timed out behind another."""
    monkeypatch.setattr(supervisor, "ABANDONED_SECONDS", request.param)
    client = new_client(command=UNRELIABLE_COMMAND)
    client.ping()
    ahead = threading.Thread(target=client.encode, args=(str(tmp_path / "go on"),))
    ahead.start()
    while not client._supervisor._sent:
        pass
    with pytest.raises(ServiceUnavailableError, match=r"within 0\.5 seconds"):
        client.encode("hang", timeout=0.5)
    (tmp_path / "go on").touch()
    ahead.join()
    return client


@pytest.mark.parametrize("hanging", [600], indirect=True)
def test_what_hangs_for_nobody_is_replaced_when_another_call_times_out(hanging):
    process = pid(hanging)
    with pytest.raises(ServiceUnavailableError):
        hanging.ping(timeout=0.5)
    hanging.ping(timeout=LONG)
    assert pid(hanging) != process


@pytest.mark.parametrize("hanging", [0.1], indirect=True)
def test_what_hangs_for_nobody_is_replaced_in_time_for_a_patient_call(hanging):
    hanging.encode("behind it", timeout=LONG)


def test_a_call_that_hangs_ends_in_time_and_takes_no_other_with_it(new_client, embedder):
    client = new_client(command=UNRELIABLE_COMMAND)
    client.ping()
    behind = []
    hanging = threading.Thread(target=lambda: behind.append(raised(lambda: client.encode("hang", timeout=2))))
    hanging.start()
    np.testing.assert_allclose(client.encode("behind it"), embedder.encode("behind it"), atol=1e-6)
    hanging.join()
    assert str(behind[0]) == "the bridge gave no answer within 2 seconds"
    assert isinstance(behind[0], ServiceUnavailableError)


def test_a_stopped_process_is_replaced(new_client):
    client = new_client()
    client.ping()
    os.kill(pid(client), signal.SIGSTOP)
    with pytest.raises(ServiceUnavailableError, match=r"within 0\.5 seconds"):
        client.ping(timeout=0.5)
    client.ping()


def test_an_answer_nested_too_deeply_is_none(new_client):
    client = new_client(command=[sys.executable, "-c", "print('[' * 200_000, flush=True); input()"])
    with pytest.raises(ServiceUnavailableError, match="without an answer"):
        client.ping(timeout=LONG)


def test_what_goes_wrong_with_an_answer_is_told_to_the_calls(new_client, monkeypatch):
    """Nothing known does; were there something, the calls would else wait out their time."""
    client = new_client()
    client.ping()
    with monkeypatch.context() as patched:
        patched.setattr(supervisor, "read_answer", lambda _: 1 / 0)
        with pytest.raises(ServiceUnavailableError, match="cannot be served: ZeroDivisionError"):
            client.ping(timeout=LONG)
    client.ping(timeout=LONG)
