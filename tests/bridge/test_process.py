"""How a bridge's process treats its streams, and how it ends."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.bridge.processes import wait_for_end, wait_for_sleep, wait_for_work

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, and what /proc tells")
MANY = {"texts": ["word " * 200 + str(i) for i in range(80)]}  # seconds of work
NOISE = """
import os
from ortembed.embedder import Embedder
embed = Embedder.embed
def noisy(self, texts, **options):
    print("noise of Python's", flush=True)
    os.write(1, b"noise of native code's\\n")
    os.system("echo noise of a child; cat")
    return embed(self, texts, **options)
Embedder.embed = noisy
from ortembed.cli import main
raise SystemExit(main(["bridge"]))
"""
NON_BLOCKING = """
import os, sys
os.set_blocking(0, False), os.set_blocking(1, False)
os.execv(sys.executable, [sys.executable, "-m", "ortembed", "bridge"])
"""
HOST = """
import os, subprocess, sys
bridge = subprocess.Popen([sys.executable, "-m", "ortembed", "bridge", "all-minilm-l6-v2"], stdin=-1, stdout=-1)
bridge.stdin.write(b'{"method": "ping"}\\n')
bridge.stdin.flush()
bridge.stdout.readline()
print(bridge.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shell(environment):
    def run(line, stdin=b""):
        command = line.replace("$bridge", f"{sys.executable} -m ortembed bridge")
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], env=environment, input=stdin, capture_output=True, check=False
        )

    return run


def test_what_others_print_is_no_answer(new_bridge):
    with new_bridge(command=(sys.executable, "-c", NOISE)) as bridge:
        assert bridge.ask({"texts": ["a"], "id": 1})["id"] == 1
        assert bridge.ask({"texts": ["b"], "id": 2})["id"] == 2  # which no child has read
        assert bridge.end() == (b"", 0)
        for noise in ("noise of Python's", "noise of native code's", "noise of a child"):
            assert bridge.stderr().count(noise) == 2


def test_the_end_of_the_input_ends_it(new_bridge):
    with new_bridge() as bridge:
        assert bridge.end() == (b"", 0)
        assert bridge.stderr() == ""


@pytest.mark.parametrize(("rest", "status"), [(b'{"method": "ping"}', "ok"), (b'{"method": "pi', "error")])
def test_an_input_that_ends_within_a_line_is_answered(new_bridge, rest, status):
    with new_bridge() as bridge:
        bridge.send(b'{"method": "ping"}\n' + rest)
        answers, code = bridge.end()
        assert [json.loads(line)["status"] for line in answers.splitlines()] == ["ok", status]
        assert code == 0


def test_sigterm_ends_an_idle_bridge(new_bridge):
    with new_bridge() as bridge:
        bridge.ask({"method": "ping"})
        wait_for_sleep(bridge.process.pid)
        bridge.process.terminate()
        assert bridge.process.wait() == 0
        assert bridge.stderr() == ""


def test_sigterm_lets_the_request_in_hand_finish_and_no_other(new_bridge):
    with new_bridge() as bridge:
        bridge.ask({"texts": ["warm"]})
        bridge.send((json.dumps({**MANY, "encoding": "base64"}) + '\n{"method": "ping"}\n').encode())
        wait_for_work(bridge.process.pid)
        bridge.process.terminate()
        answers, code = bridge.end()
        assert [len(json.loads(line)["embeddings"]) for line in answers.splitlines()] == [80]
        assert code == 0


def test_a_second_sigterm_ends_it_at_once(new_bridge):
    """Nobody reads the answer, so that the first one waits for ever."""
    with new_bridge() as bridge:
        bridge.send(json.dumps({"texts": [str(i) for i in range(100)]}).encode() + b'\n{"method": "ping"}\n')
        while not bridge.process.stdout.peek(1):  # the answer is being written
            pass
        bridge.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            bridge.process.wait(0.5)
        bridge.process.terminate()
        assert bridge.process.wait() == -signal.SIGTERM


def test_ctrl_c_ends_a_long_request(new_bridge):
    with new_bridge() as bridge:
        bridge.ask({"texts": ["warm"]})
        bridge.send(json.dumps(MANY).encode() + b"\n")
        wait_for_work(bridge.process.pid)
        bridge.process.send_signal(signal.SIGINT)
        assert bridge.end() == (b"", 130)


def test_an_output_that_nobody_reads_ends_it_quietly(shell):
    lines = b'{"texts": ["a"]}\n' * 50
    done = shell("$bridge | head -c 10", lines)
    assert (done.returncode, len(done.stdout)) == (0, 10)
    assert b"Error" not in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$bridge <&-", b"standard input is closed"),
        ("$bridge >&-", b"standard output is closed"),
        ("$bridge >/dev/full", b"No space left on device"),
    ],
)
def test_streams_that_are_closed_or_full_are_told(shell, line, message):
    done = shell(line, b'{"method": "ping"}\n')
    assert done.returncode == 1
    assert message in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_closed_standard_error_is_no_way_into_the_answers(shell, tmp_path):
    (tmp_path / "noisy.py").write_text(NOISE, "utf-8")
    done = shell(f"{sys.executable} {tmp_path}/noisy.py 2>&-", b'{"texts": ["a"]}\n')
    assert done.returncode == 0
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["success"]


def test_pipes_that_were_left_non_blocking_serve(new_bridge):
    """With a wait for the request, and an answer that is larger than the pipe."""
    with new_bridge(command=(sys.executable, "-c", NON_BLOCKING)) as bridge:
        for _ in range(2):
            bridge.ask({"method": "ping"})
            assert len(bridge.ask({"texts": [str(i) for i in range(500)]})["embeddings"]) == 500


def test_a_bridge_does_not_outlive_its_host(environment):
    with subprocess.Popen(
        [sys.executable, "-c", HOST], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as host:
        pid = int(host.stdout.readline())
        host.kill()
    wait_for_end(pid)


@pytest.fixture(params=["nobody reads it", "its disk is full"])
def deaf_stderr(request):
    """A standard error that takes nothing."""
    if request.param == "its disk is full":
        with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
            yield full
        return
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_standard_error_that_takes_nothing_costs_no_answer(environment, deaf_stderr):
    """Both requests have something to tell there: a model that is loaded, a text that is truncated."""
    load = b'{"method": "load_model", "params": {"model": "all-minilm-l6-v2"}}\n'
    done = subprocess.run(
        [sys.executable, "-m", "ortembed", "bridge"],
        env=environment,
        input=load + json.dumps({"texts": ["word " * 1000]}).encode() + b"\n",
        stdout=subprocess.PIPE,
        stderr=deaf_stderr,
        check=False,
    )
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["ok", "success"]
    assert done.returncode == 0
