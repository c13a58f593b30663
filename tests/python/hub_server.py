"""A stand-in for huggingface.co on the loopback interface."""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESOLVE = re.compile(r"/(?P<repo>[^/]+(/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<name>[^?]+)")


class HubServer:
    """Owns one hub repository of one commit, and the HTTP server that hands it out until the block ends.

    The commit is known by its hash and as "main". What the server was asked for is in ``requests``, as
    (method, path). It misbehaves as told, at any time:

    - ``refusal``: answer every request for a file with this status and X-Error-Code;
    - ``cut``: stop in the middle of each file, then "close" or "reset" the connection;
    - ``garbled``: the names of files to send with other bytes, as many.
    """

    def __init__(self, repo_id: str, commit: str, files: dict[str, bytes]):
        self.repo_id = repo_id
        self.commit = commit
        self.files = files
        self.requests: list[tuple[str, str]] = []
        self.refusal: tuple[int, str] | None = None
        self.cut: str | None = None
        self.garbled: set[str] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
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


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        hub = self.hub
        hub.requests.append((self.command, self.path))
        asked = RESOLVE.fullmatch(self.path)
        if not asked:
            self._send(HTTPStatus.OK if self.path == "/" else HTTPStatus.NOT_FOUND)
        elif hub.refusal:
            self._send(hub.refusal[0], X_Error_Code=hub.refusal[1])
        elif asked["repo"] != hub.repo_id:
            self._send(HTTPStatus.NOT_FOUND, X_Error_Code="RepoNotFound")
        elif asked["revision"] not in (hub.commit, "main"):
            self._send(HTTPStatus.NOT_FOUND, X_Error_Code="RevisionNotFound")
        elif asked["name"] not in hub.files:
            self._send(HTTPStatus.NOT_FOUND, X_Error_Code="EntryNotFound", X_Repo_Commit=hub.commit)
        else:
            self._send_file(asked["name"])

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass

    def _send_file(self, name):
        content = self.hub.files[name]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X_Repo_Commit": self.hub.commit}
        if name in self.hub.garbled:
            content = bytes(byte ^ 1 for byte in content)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK, content, start, **headers)

    def _send(self, status, content=b"", start=0, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) - start))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[start : len(content) // 2] if self.hub.cut else content[start:])
            self.close_connection = self.hub.cut is not None
            if self.hub.cut == "reset":  # closing without lingering sends RST in place of FIN
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
