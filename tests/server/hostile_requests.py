"""Requests that are wrong in one way or many, made from right ones with a seed."""

from __future__ import annotations

import json

from tests.server.operating import head

RIGHT = {
    "/v1/embeddings": {"input": ["kitten", "rug"], "model": "", "encoding_format": "base64", "dimensions": 8},
    "/embed": {"inputs": [[101, 2043, 102], [101, 102]], "normalize": True, "truncate": False, "dimensions": 3},
    "/": {"inputs": "kitten", "truncation_direction": "left", "prompt_name": None},
    "/embed_all": {"inputs": "on a rug"},
    "/similarity": {"inputs": {"source_sentence": "a", "sentences": ["b", "c"]}, "parameters": {"truncate": True}},
    "/tokenize": {"inputs": ["kitten"], "add_special_tokens": False, "prompt_name": None},
    "/decode": {"ids": [[101, 2043, 102]], "skip_special_tokens": True},
}
GETS = (
    "/info?model=all",
    "/v1/models",
    "/v1/models/x",
    "/health",
    "/live",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/",
)
# fmt: off
# What stands where a JSON value should.
VALUES = [
    *(b"null true false -1 0 1e999 -0.0 NaN Infinity [] {} [[]] [{}] [null] [1,null] [[1],2] [true]".split()),
    *(b'"" " " "\\u0000" "\\ud800" "\\udc00\\ud800" "\\uffff" ["\\ud800"] ["",""] [-1] [1.5] [[-1]] [["a"]]'.split()),
    *(str(2**power).encode() for power in (31, 32, 63, 64, 200)),
    *(b"[%d]" % 2**power for power in (31, 63, 64)),
    b"9" * 5000,
    b"1e" + b"9" * 400,
    b'"' + b"a b" * 3000 + b'"',
    b'"\xff\xfe"',
    b'"\x00"',
    b'"' + "\u202e\ufeff\u0301".encode() * 9 + b'"',
    b"[" * 3000,
    b"[" * 900 + b"]" * 900,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"[" + b"1," * 999 + b"1]",
    b"[" + b'"a",' * 2100 + b'"a"]',
    b"{" + b",".join(b'"%d":0' % i for i in range(500)) + b"}",
    b"'kitten'",
    b"",
]
METHODS = [
    *[
        "GET",
        "HEAD",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "BREW",
        "get",
        "POST\x00",
        "PÖST",
    ],
    "",
    "A" * 300,
]
PATHS = [
    *[
        "/embed/",
        "//embed",
        "/./embed",
        "/static-offline-docs/../embed",
        "/%65mbed",
        "/embed%00",
        "/%ff",
        "/%ed%a0%80",
        "/embed%",
    ],
    *[
        "*",
        "embed",
        "http://other/embed",
        "http:///embed",
        "https://[::1/embed",
        "other:80",
        "/embed?a=%ff&b[]=%",
        "/embed#a",
        "/\\embed",
    ],
    *(
        "/embed?" + "a" * 9000,
        "/" + "a/" * 3000,
        "/v1/models/" + "%2e%2e/" * 99,
        "/\xff",
        "/ embed",
        "",
        "/%0d%0aA:%20b",
    ),
]
VERSIONS = ["HTTP/1.0", "HTTP/1.1", "HTTP/0.9", "HTTP/2.0", "HTTP/3", "HTTP/1.10", "http/1.1", "HTTP/1.1 ", "", "ICY"]
HEADERS = [
    *("Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c\r\nConnection: upgrade, HTTP2-Settings"),
    *("Expect: 100-continue", "Expect: a miracle", "Connection: close", "Connection: \x00", "Connection: keep-alive"),
    *("Content-Type: text/plain", "Content-Type: application/json; charset=utf-16", "Content-Type: a/" + "b" * 5000),
    *("Content-Type: multipart/form-data; boundary=", "Content-Encoding: gzip", "Accept: \xff", "Accept-Encoding: x"),
    *("Host: a\r\nHost: b", "Host: \xff", "Host: [", "Host: a/../b", "Host:", "No colon", ": no name", "A\x00: b"),
    *("Range: bytes=0-,0-,0-", "Range: bytes=-1", "If-None-Match: *", "Origin: null", "Cookie: " + "a=b; " * 2000),
    *("Authorization: Bearer \xff", "Authorization: Basic", "X-Request-Id: \xe9", "X-Request-Id: " + "a" * 3000),
    *("X-Request-Timeout: nan", "X-Request-Timeout: -1", "X-Request-Timeout: 1_0", "X-Request-Timeout: \xff"),
    *("folded: a\r\n b", "A: b\nC: d", "A: b\rC: d", "Transfer-Encoding: identity", "Trailer: A", "TE: trailers"),
    "\r\n".join(f"A{i}: {i}" for i in range(2000)),
    "A: " + "b" * 60_000,
]
# What stands for the length of a body, and the body for which it is given.
FRAMINGS = [
    *(
        f"Content-Length: {length}"
        for length in ("-1", "+5", "0x10", "1e3", "5, 5", "", "9999999999", "99999999999999999999", "\x005")
    ),
    *("Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding:",
    ),
    "Transfer-Encoding: xchunked",
]
CHUNKS = [
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello",
    b"FFFFFFFFFFFFFFFFF\r\na",
    b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
]
CHUNKS += [b"5\r\nhellohello\r\n", b"zz\r\n", b"\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"1\n{\n0\n\n", b"", b"0" * 9000]


# fmt: on


def hostile_requests(count, random):
    """Give so many of them, in all kinds."""
    kinds = (_wrong_value, _wrong_value, _wrong_head, _wrong_header, _wrong_framing, _wrong_bytes, _no_request)
    for _ in range(count):
        yield random.choice(kinds)(random)


def _right(random):
    path = random.choice(list(RIGHT))
    return path, json.dumps(RIGHT[path]).encode()


def _whole(path, body, *lines):
    return head(path, len(body), *lines, encoding="latin-1") + body


def _wrong_value(random):
    path, body = _right(random)
    value = json.loads(body)
    if random.random() < 0.2:  # in place of the whole
        return _whole(path, random.choice(VALUES))
    field = random.choice(list(value))
    value[field] = "PLACE"
    if field == "inputs" and path == "/similarity":
        value[field] = {"source_sentence": "a", "sentences": "PLACE"} if random.random() < 0.5 else "PLACE"
    return _whole(path, json.dumps(value).encode().replace(b'"PLACE"', random.choice(VALUES)))


def _wrong_head(random):
    path, body = _right(random)
    method, version = random.choice(METHODS), random.choice(VERSIONS)
    if random.random() < 0.7:
        path = random.choice(PATHS)
    if random.random() < 0.3:
        method = "POST"
    if random.random() < 0.6:
        version = "HTTP/1.1"
    return f"{method} {path} {version}\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _wrong_header(random):
    lines = random.sample(HEADERS, random.choice((1, 1, 1, 2, 3)))
    if random.random() < 0.3:
        return head(random.choice(GETS), None, *lines, method="GET", encoding="latin-1")
    return _whole(*_right(random), *lines)


def _wrong_framing(random):
    path, body = _right(random)
    framing = random.choice([*FRAMINGS, f"Content-Length: {len(body) + random.randint(-9, 3)}"])
    content = random.choice([body, random.choice(CHUNKS), random.choice(CHUNKS) + random.choice(CHUNKS)])
    behind = _whole(*_right(random)) if random.random() < 0.3 else b""
    return head(path, None, framing, encoding="latin-1") + content + behind


def _wrong_bytes(random):
    request = bytearray(_whole(*_right(random)) * random.choice((1, 1, 2)))
    for _ in range(random.choice((1, 2, 4, 16))):
        place = random.randrange(len(request))
        match random.randrange(4):
            case 0:
                request[place] = random.randrange(256)
            case 1:
                del request[place : place + random.randint(1, 20)]
            case 2:
                request[place:place] = request[place : place + random.randint(1, 90)]
            case _:
                request[place:place] = random.randbytes(random.randint(1, 9))
        request = request or bytearray(b"\r\n")
    return bytes(request)


def _no_request(random):
    starts = [
        b"",
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 99,
        b"GET",
        b"POST /embed HTTP/1.1\r\n",
        b"\x00",
    ]
    return random.choice(starts) + random.randbytes(random.choice((0, 1, 9, 200, 3000))) + b"\r\n\r\n"
