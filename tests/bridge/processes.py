"""What the bridge's tests know of processes and threads."""

import contextlib
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

GIVE_UP_SECONDS = 120
# A bridge that does as it is told by the text that comes, for what a real one does only when something is broken.
UNRELIABLE = """
import json, os, signal, sys, time
from ortembed.bridge.service import Bridge
answer = Bridge.answer
def unreliable(self, line):
    text = (json.loads(line).get("texts") or [""])[0]
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "hang":
        time.sleep(600)
    while text.startswith("/") and not os.path.exists(text):
        time.sleep(0.01)
    if text == "babble":
        return b"I had a dream\\n"
    if text == "answer another":
        return b'{"status": "ok", "id": 99999}\\n'
    return answer(self, line)
Bridge.answer = unreliable
from ortembed.cli import main
raise SystemExit(main(["bridge", *sys.argv[1:]]))
"""
UNRELIABLE_COMMAND = (sys.executable, "-c", UNRELIABLE)


class Running:
    """A process that speaks lines, ended if a test hangs."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            list(map(str, command)),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.errors = []
        self._drain = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self._drain.start()
        self._give_up = threading.Timer(GIVE_UP_SECONDS, self.process.kill)
        self._give_up.start()

    def send(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, request):
        self.send((request if isinstance(request, bytes) else json.dumps(request).encode()) + b"\n")
        return self.read()

    def end(self):
        """Close the input; give what is left of the output and the exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        rest = self.process.stdout.read()
        return rest, self.process.wait()

    def stderr(self):
        self._drain.join()
        return b"".join(self.errors).decode()

    def close(self):
        self._give_up.cancel()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._drain.join()
        self.process.stderr.close()


def wait_for_work(pid):
    """Wait until a process has begun to compute, by the CPU time that it has used."""
    before = cpu_ticks(pid)
    while cpu_ticks(pid) < before + 20:
        pass


def wait_for_sleep(pid):
    """Wait until a process that has nothing to do waits for something."""
    while stat(pid)[0] != "S":
        pass


def cpu_ticks(pid):
    return sum(map(int, stat(pid)[11:13]))


def stat(pid):
    """Give what /proc tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()


def rss(pid):
    return _memory(pid, "VmRSS")


def peak(pid):
    return _memory(pid, "VmHWM")


def _memory(pid, name):
    return int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))[1]) * 1024


def is_alive(pid):
    """Tell whether a process runs; one that has ended and has no parent any more to ask for it does not."""
    try:
        return stat(pid)[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid):
    while is_alive(pid):
        pass


def in_threads(work, number):
    failures = []
    threads = [threading.Thread(target=lambda i=i: failures.append(raised(lambda: work(i)))) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [failure for failure in failures if failure is not None] == []


def raised(work):
    try:
        work()
    except Exception as error:  # noqa: BLE001 - given back
        return error
    return None


def pid(client):
    return client._supervisor._process._process.pid
