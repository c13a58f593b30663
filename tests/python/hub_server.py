"""A stand-in for huggingface.co on the loopback interface, and one for the storage that it refers to."""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESOLVE = re.compile(r"/(?P<repo>[^/]+(/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<name>[^?]+)")
CHUNK = 4096


class LoopbackServer:
    """An HTTP server that runs until the block ends, and remembers what it was asked for.

    ``requests`` has (method, path), ``authorizations`` the token that came with each, or None.
    """

    handler: type[BaseHTTPRequestHandler]

    def __init__(self):
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (self.handler,), {"hub": self}))
        self._http.daemon_threads = False  # so that server_close waits for them
        self.endpoint = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def paths(self) -> set[str]:
        return {path for _, path in self.requests}

    def downloads(self) -> list[str]:
        """Give the paths of the files whose content was asked for, once for each time."""
        return [path for method, path in self.requests if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms for the client's acknowledgement of the headers

    def do_GET(self):
        self.hub.requests.append((self.command, self.path))
        self.hub.authorizations.append(self.headers.get("Authorization"))
        self.answer()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass

    def send(self, status, content=b"", start=0, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) - start))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.send_body(content, start)

    def send_body(self, content, start):
        self.wfile.write(content[start:])

    def start(self):
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))


class _HubHandler(_Handler):
    hub: HubServer

    def answer(self):
        hub = self.hub
        asked = RESOLVE.fullmatch(self.path)
        if asked and hub.on_request:
            hub.on_request(self.command, asked["name"])
        commit = hub.commit if asked and asked["revision"] == "main" else asked and asked["revision"]
        if not asked:
            self.send(HTTPStatus.OK if self.path == "/" else HTTPStatus.NOT_FOUND)
        elif hub.refuse(self.command):
            status, code, headers = hub.refusal
            self.send(status, X_Error_Code=code, **headers)
        elif asked["repo"] != hub.repo_id or hub.token not in (None, self.headers.get("Authorization")):
            self.send(HTTPStatus.UNAUTHORIZED, X_Error_Code="RepoNotFound")
        elif commit not in hub.history:
            self.send(HTTPStatus.NOT_FOUND, X_Error_Code="RevisionNotFound")
        elif asked["name"] not in hub.history[commit]:
            self.send(HTTPStatus.NOT_FOUND, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        else:
            self._send_file(commit, asked["name"])

    def _send_file(self, commit, name):
        content = self.hub.history[commit][name]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        if self.hub.storage and len(content) > CHUNK:
            location = self.hub.storage.place(name, content)
            linked = {"X_Linked_ETag": etag, "X_Linked_Size": len(content)}
            self.send(HTTPStatus.FOUND, Location=location, X_Repo_Commit=commit, **linked)
            return
        headers = {"ETag": etag, "X_Repo_Commit": commit}
        if name in self.hub.garbled:
            content = bytes(byte ^ 1 for byte in content)
        start = self.start()
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.send(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK, content, start, **headers)

    def send_body(self, content, start):
        cut = self.hub.cut if self.hub.cuts_left and start < len(content) // 2 else None
        end = len(content) // 2 if cut else len(content)
        self.hub.cuts_left -= cut is not None
        self.close_connection = cut is not None
        try:
            for at in range(start, end, CHUNK):
                self.wfile.write(content[at : min(at + CHUNK, end)])
                self.wfile.flush()
                if self.hub.on_chunk:
                    self.hub.on_chunk()
        except OSError:  # the client was killed
            self.close_connection = True
        if cut == "reset":  # closing without lingering sends RST in place of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class HubServer(LoopbackServer):
    """Owns one hub repository, and hands it out by commit and as "main".

    It misbehaves as told, at any time:

    - ``refusal``: answer requests for files with this status, X-Error-Code and headers, the next
      ``refusals_left`` of them that use ``refused_method``, where that is given;
    - ``cut``: stop in the middle of files, then "close" or "reset" the connection, ``cuts_left`` times;
    - ``garbled``: the names of files to send with other bytes, as many;
    - ``token``: the Authorization header without which there is no such repository;
    - ``storage``: where larger files are, as the hub's are elsewhere;
    - ``on_request``, ``on_chunk``: called with method and name before each answer, and after each 4 KB.
    """

    handler = _HubHandler

    def __init__(self, repo_id: str, commit: str, files: dict[str, bytes]):
        super().__init__()
        self.repo_id = repo_id
        self.history = {commit: files}
        self.commit = commit
        self.refusal: tuple[int, str, dict[str, object]] | None = None
        self.refusals_left = float("inf")
        self.refused_method: str | None = None
        self.cut: str | None = None
        self.cuts_left = float("inf")
        self.garbled: set[str] = set()
        self.token: str | None = None
        self.storage: StorageServer | None = None
        self.on_request = None
        self.on_chunk = None

    @property
    def files(self) -> dict[str, bytes]:
        return self.history[self.commit]

    def push(self, commit: str, files: dict[str, bytes]) -> None:
        """Move "main" to a new commit; what was there keeps its own."""
        self.history[commit] = files
        self.commit = commit

    def refuse(self, method: str) -> bool:
        refused = bool(self.refusal and self.refusals_left > 0 and self.refused_method in (None, method))
        self.refusals_left -= refused
        return refused


class _StorageHandler(_Handler):
    hub: StorageServer

    def answer(self):
        content = self.hub.contents[self.path]
        self.send(HTTPStatus.PARTIAL_CONTENT if self.start() else HTTPStatus.OK, content, self.start())


class StorageServer(LoopbackServer):
    """Another host, which hands out what it is given under addresses of its own."""

    handler = _StorageHandler

    def __init__(self):
        super().__init__()
        self.contents: dict[str, bytes] = {}

    def place(self, name: str, content: bytes) -> str:
        self.contents[f"/stored/{name}"] = content
        return f"{self.endpoint}/stored/{name}"
