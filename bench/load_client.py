"""A client that loads the service from a process of its own: connections that ask one request after another.

Run by bench/service.py, with a job as JSON on standard input; the figures go to standard output as JSON. Written on
bare asyncio, since what a client costs takes the same cores from the service.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field

_MOST_SECONDS = 120.0


@dataclass
class Job:
    """What to ask.

    Attributes:
        port: Of the service on the loopback interface.
        connections: How many ask at once.
        requests: How many are asked in all.
        bodies: JSON of the requests, taken in turn.
        path: Where to.
    """

    port: int
    connections: int
    requests: int
    bodies: list[str]
    path: str = "/v1/embeddings"


@dataclass
class Figures:
    """What came back.

    Attributes:
        seconds: From the first request to the last answer.
        cpu_seconds: Of this process.
        statuses: How many answers of each status.
        latencies: Seconds of each answered request with status 200.
        received: Bytes of bodies.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    received: int = 0


class _Connection(asyncio.Protocol):
    """One connection, which sends the next request when the answer to the last one is there."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = bytearray()
        self._needed = -1
        self._status = ""
        self._sent = 0.0
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(exc)

    def _ask(self) -> None:
        request = self._load.next_request()
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            start = head.index(b"content-length:") + 15
            length = int(head[start : head.find(b"\r\n", start) if b"\r\n" in head[start:] else end])
            self._status = head[9:12].decode()
            self._needed = end + 4 + length
        if len(self._buffer) >= self._needed:
            self._load.answered(self._status, time.perf_counter() - self._sent, self._needed)
            del self._buffer[: self._needed]
            self._needed = -1
            self._ask()


class Load:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        """Make the requests' bytes."""
        head = f"POST {job.path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: "
        self._requests = [f"{head}{len(body.encode())}\r\n\r\n{body}".encode() for body in job.bodies]
        self._job = job
        self._asked = 0
        self._figures = Figures()

    def next_request(self) -> bytes | None:
        """Give the next request, None when all are asked."""
        if self._asked == self._job.requests:
            return None
        self._asked += 1
        return self._requests[(self._asked - 1) % len(self._requests)]

    def answered(self, status: str, seconds: float, size: int) -> None:
        """Take note of an answer."""
        statuses = self._figures.statuses
        statuses[status] = statuses.get(status, 0) + 1
        self._figures.received += size
        if status == "200":
            self._figures.latencies.append(seconds)

    async def _client(self) -> None:
        """Ask on one connection after another: a service that refuses may close one."""
        loop = asyncio.get_running_loop()
        while self._asked < self._job.requests:
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._job.port)
            await connection.closed

    async def run(self) -> Figures:
        """Ask everything, on all connections."""
        start = time.perf_counter()
        clients = (self._client() for _ in range(min(self._job.connections, self._job.requests)))
        await asyncio.wait_for(asyncio.gather(*clients), _MOST_SECONDS)
        self._figures.seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._figures.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._figures


def main() -> None:
    """Do the job."""
    job = Job(**json.load(sys.stdin))
    print(json.dumps(asdict(asyncio.run(Load(job).run()))))


if __name__ == "__main__":
    main()
