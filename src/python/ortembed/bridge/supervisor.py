"""Keeps a process running and calls on their way: what was not answered when one dies, the next is sent."""

from __future__ import annotations

from collections import deque
from threading import TIMEOUT_MAX, Condition, Thread, Timer
from typing import TYPE_CHECKING, NamedTuple

from ortembed.bridge.calls import Call, outcome_of, read_answer
from ortembed.bridge.process import BridgeProcess, close_own
from ortembed.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ortembed.bridge.calls import Answer

MOST_FAILURES = 8  # lives in a row that answered nothing
MOST_DEATHS = 5  # in a row with the same request in hand
ABANDONED_SECONDS = 5.0  # that a request which nobody waits for any more may be in hand
_LONGEST_PAUSE = 5.0


class Life(NamedTuple):
    """How a process lived and ended.

    Attributes:
        answered: Whether it answered a call.
        refusal: Why it is no use to start another, None where it may be.
        reason: How it ended, in words.
    """

    answered: bool
    refusal: BaseException | None
    reason: str


class Supervisor:
    """Runs one process at a time, in a thread of its own; another one writes, so that full pipes block neither.

    A process has first to answer an opening request, which loads the model. Answers come in the order of the
    requests, so that an answer without an id is one to the oldest.
    """

    def __init__(
        self, command: Sequence[str], opening: Mapping[str, object], *, stderr: int | None, limit: float
    ) -> None:
        """Start.

        Args:
            command: The program and its arguments.
            opening: What each process is asked first.
            stderr: From process.own_descriptor; closed in the end.
            limit: Seconds that a process has for its first answer.
        """
        self._command = command
        self._opening = opening
        self._stderr = stderr
        self._limit = limit
        self._changed = Condition()  # guards what follows
        self._waiting: deque[Call] = deque()
        self._sent: deque[Call] = deque()  # and not answered; the first is in hand
        self._process: BridgeProcess | None = None
        self._is_open = False  # the opening request was answered
        self._has_answered = False
        self._refusal: BaseException | None = None
        self._is_closed = False
        self._thread = Thread(target=self._run, name="ortembed-bridge", daemon=True)
        self._thread.start()

    def submit(self, call: Call) -> None:
        """Send a call as soon as its turn comes.

        Raises:
            ServiceUnavailableError: The client is closed.
        """
        with self._changed:
            if self._is_closed:
                raise _closed()
            self._waiting.append(call)
            self._changed.notify_all()

    def give_up(self, call: Call) -> None:
        """Forget a call. A process that has a forgotten one in hand is ended, since others wait behind it."""
        with self._changed:
            call.finish(ServiceUnavailableError("the call was given up"))
            if self._process is not None and self._is_open and self._sent and self._sent[0].is_done:
                self._process.kill()

    def close(self) -> None:
        """End the process and every call. May run in any thread, also while it holds the lock."""
        with self._changed:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the process and the threads to be gone, after close."""
        self._thread.join(seconds)

    def _run(self) -> None:
        self._keep_alive()
        close_own(self._stderr)

    def _keep_alive(self) -> None:
        failures = 0
        while True:
            life = self._live()
            failures = 0 if life.answered else failures + 1
            refusal = life.refusal
            if failures == MOST_FAILURES:
                refusal = ServiceUnavailableError(f"the bridge {life.reason}, {failures} times without an answer")
            with self._changed:
                if refusal is not None:
                    failures = 0
                    self._fail_waiting(refusal)
                    self._changed.wait_for(lambda: self._waiting or self._is_closed)
                elif failures > 1:
                    self._changed.wait_for(lambda: self._is_closed, pause(failures))
                if self._is_closed:
                    self._fail_waiting(_closed())
                    return

    def _live(self) -> Life:
        """Start a process and take its answers until it ends."""
        opening = Call(0, self._opening)
        try:
            process = BridgeProcess(self._command, self._stderr)
        except ServiceUnavailableError as error:
            return Life(answered=False, refusal=error, reason="cannot be started")
        self._begin(process, opening)
        writer = Thread(target=self._write, args=(process, opening), name="ortembed-bridge-writer", daemon=True)
        timer = Timer(min(TIMEOUT_MAX, self._limit), process.kill)
        timer.daemon = True
        try:
            writer.start()
            timer.start()
            self._read(process, opening, timer)
        except Exception as error:  # noqa: BLE001 - calls wait: whatever it is, they have to know
            self._refusal = ServiceUnavailableError(f"the bridge cannot be served: {type(error).__name__}: {error}")
            process.kill()
        timer.cancel()
        return self._end(process, opening, writer)

    def _read(self, process: BridgeProcess, opening: Call, timer: Timer) -> None:
        """Take answers until the process ends, or says something that is none."""
        for line in process.answers():
            if not self._take(line, opening):
                process.kill()
                break
            if self._is_open:
                timer.cancel()

    def _begin(self, process: BridgeProcess, opening: Call) -> None:
        with self._changed:
            self._process = process
            self._sent.append(opening)
            self._is_open = self._has_answered = False
            self._refusal = None
            if self._is_closed:
                process.kill()

    def _end(self, process: BridgeProcess, opening: Call, writer: Thread) -> Life:
        with self._changed:
            self._process = None
            self._changed.notify_all()  # the writer, which then ends
            was_open, refusal = self._is_open, self._refusal
        status = process.wait()
        if writer.is_alive():  # it may not have been started
            writer.join()
        process.close()
        reason = f"ended with status {status}" if status >= 0 else f"was ended by signal {-status}"
        if not was_open and status > 0 and refusal is None:
            refusal = ServiceUnavailableError(f"the bridge {reason} before it answered; its standard error tells why")
        with self._changed:
            if was_open:
                self._charge(reason)
            self._waiting.extendleft(call for call in reversed(self._sent) if call is not opening)
            self._sent.clear()
            return Life(self._has_answered, refusal, reason)

    def _charge(self, reason: str) -> None:
        """Count a death against the request in hand, so that one which kills each process is not sent for ever."""
        if not self._sent:
            return
        call = self._sent[0]
        call.deaths += 1
        if call.deaths == MOST_DEATHS:
            call.finish(ServiceUnavailableError(f"the bridge {reason} {call.deaths} times with this request in hand"))

    def _take(self, line: bytes, opening: Call) -> bool:
        """Give an answer to its call; False where it is none, so that the process cannot be trusted."""
        answer = read_answer(line)
        with self._changed:
            if answer is None or not self._sent or answer.get("id", self._sent[0].identity) != self._sent[0].identity:
                return False
            call = self._sent.popleft()
            if call is opening:
                return self._open(answer)
            self._has_answered = True
            call.finish(outcome_of(answer))
            if self._sent and self._sent[0].is_done:
                timer = Timer(ABANDONED_SECONDS, self._end_if_in_hand, (self._process, self._sent[0]))
                timer.daemon = True
                timer.start()
        return True

    def _end_if_in_hand(self, process: BridgeProcess, call: Call) -> None:
        """End a process that still has a forgotten call in hand: it may hang, and others may wait without a limit."""
        with self._changed:
            if self._process is process and self._sent and self._sent[0] is call:
                process.kill()

    def _open(self, answer: Answer) -> bool:
        outcome = outcome_of(answer)
        if isinstance(outcome, BaseException):
            self._refusal = outcome
            return False
        self._is_open = True
        self._changed.notify_all()
        return True

    def _write(self, process: BridgeProcess, opening: Call) -> None:
        try:
            process.send(opening.line)
            while (call := self._next(process)) is not None:
                process.send(call.line)
        except OSError:  # it has ended, which the reader sees too
            return

    def _next(self, process: BridgeProcess) -> Call | None:
        """Wait for a call that is to be sent to a process; None when that has ended."""
        with self._changed:
            while self._process is process:
                while self._is_open and self._waiting:
                    call = self._waiting.popleft()
                    if not call.is_done:
                        self._sent.append(call)
                        return call
                self._changed.wait()
            return None

    def _fail_waiting(self, error: BaseException) -> None:
        while self._waiting:
            self._waiting.popleft().finish(error)


def pause(failures: int) -> float:
    """Give the seconds to wait after so many lives in a row, two or more, that answered nothing."""
    return min(_LONGEST_PAUSE, 0.05 * (1 << (failures - 1)))


def _closed() -> ServiceUnavailableError:
    return ServiceUnavailableError("the client is closed")
