"""A client's process in the life of its host: terminals, forks, ends of the interpreter, standard error."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ortembed.errors import InvalidInputError
from tests.bridge.processes import is_alive, pid, wait_for_end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, and what /proc tells")


def test_ctrl_c_in_a_terminal_is_not_for_the_process(environment):
    """A terminal sends it to the host and to all that the host has started in its group."""
    code = """
if 1:
    import os, signal
    from ortembed.bridge import BridgeClient
    with BridgeClient() as client:
        client.ping()
        process = client._supervisor._process
        try:
            os.killpg(0, signal.SIGINT)
        except KeyboardInterrupt:
            client.ping()
            print(client._supervisor._process is process)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, start_new_session=True
    )
    assert done.stdout == b"True\n"


def test_a_client_that_is_let_go_of_ends_its_process(environment, monkeypatch):
    from ortembed.bridge import BridgeClient  # noqa: PLC0415

    monkeypatch.setenv("ORTEMBED_CACHE_DIR", environment["ORTEMBED_CACHE_DIR"])
    client = BridgeClient(stderr=subprocess.DEVNULL)
    with pytest.raises(InvalidInputError):
        client.encode("a", truncate_dim=385)  # the bridge's answer, whose traceback must not hold it
    process, supervisor = pid(client), client._supervisor
    del client
    gc.collect()
    supervisor.join(60)
    assert not is_alive(process)


@pytest.mark.parametrize("end", ["", "import os; os.kill(os.getpid(), 9)", "raise RuntimeError"])
def test_no_process_outlives_the_interpreter(environment, end):
    code = f"""
if 1:
    from ortembed.bridge import BridgeClient
    client = BridgeClient()
    client.ping()
    print(client._supervisor._process._process.pid, flush=True)
    {end}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    wait_for_end(int(done.stdout))
    assert "Fatal" not in done.stderr


def test_a_forked_child_leaves_the_process_alone(environment):
    code = """
if 1:
    import os, sys
    from ortembed.bridge import BridgeClient
    client = BridgeClient()
    client.ping()
    child = os.fork()
    if not child:
        try:
            client.ping()
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        client.close()
        sys.exit()
    os.waitpid(child, 0)
    client.ping()
    print(client._supervisor._process is not None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines() == [
        "ServiceUnavailableError this process was forked from the one that made the BridgeClient",
        "True",
    ]


def test_a_forked_child_does_not_keep_the_process_alive(environment):
    """The child outlives the parent, which is killed."""
    code = """
if 1:
    import os, signal
    from ortembed.bridge import BridgeClient
    client = BridgeClient()
    client.ping()
    bridge = client._supervisor._process._process.pid
    child = os.fork()
    if not child:
        os.close(1)  # which the test reads to its end
        signal.alarm(60)
        signal.pause()
    print(bridge, child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    bridge, child = map(int, done.stdout.split())
    wait_for_end(bridge)
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)


def test_standard_error_goes_where_it_was_told_to_also_in_the_next_process(new_client, tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as file:
        client = new_client(stderr=file)
        by_number = new_client(stderr=file.fileno())
    for made in (client, by_number):
        made.ping()
        os.kill(pid(made), signal.SIGKILL)
        made.ping()
    assert log.read_bytes().count(b"ortembed: loaded") == 4
    before = set(Path("/proc/self/fd").iterdir())
    client.close()
    assert len(before - set(Path("/proc/self/fd").iterdir())) == 3  # the log's, and two pipes


@pytest.mark.parametrize("stderr", [subprocess.PIPE, subprocess.STDOUT, 9999])
def test_a_standard_error_that_cannot_serve_is_refused(new_client, stderr):
    with pytest.raises(InvalidInputError, match="stderr"):
        new_client(stderr=stderr)
