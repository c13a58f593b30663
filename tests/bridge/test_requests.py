"""Requests as pure functions: what is understood, and what is refused in which words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortembed.bridge.frame import Form, Frame
from ortembed.bridge.requests import CheckHealth, Embed, LoadModel, Ping, read_action, read_frame, read_object
from ortembed.errors import InvalidInputError


def action_of(request):
    request = read_object(request if isinstance(request, bytes) else json.dumps(request).encode())
    return read_action(read_frame(request).form, request, max_texts=3)


PLAIN = Embed(
    texts=["a"],
    model=None,
    must_be_loaded=False,
    normalize=None,
    truncate_dim=None,
    prompt_name=None,
    prompt=None,
    input_type=None,
    base64=False,
    usage=False,
)


def changed(**fields):
    return Embed(**{**PLAIN.__dict__, **fields})


@pytest.mark.parametrize(
    ("request_", "action"),
    [
        ({"texts": ["a"]}, PLAIN),
        ({"texts": ["a"], "id": 1, "usage": None}, PLAIN),
        ({"texts": ["a"], "method": None, "model": None}, PLAIN),
        ({"texts": None, "method": "ping"}, Ping()),
        (
            {"method": "embed_batch", "params": {"inputs": ["a"], "usage": None, "id": None}, "usage": True},
            changed(must_be_loaded=True, normalize=True, usage=True),
        ),
        (b'\xef\xbb\xbf{"texts": ["a"]}\r', PLAIN),
        ({"texts": []}, changed(texts=[])),
        ({"texts": ["a\0b"], "usage": True}, changed(texts=["a\0b"], usage=True)),
        (
            {"texts": ["a"], "truncate_dim": 8, "encoding": "base64", "normalize": False},
            changed(truncate_dim=8, base64=True, normalize=False),
        ),
        ({"texts": ["a"], "prompt": "p", "encoding": "float"}, changed(prompt="p")),
        (
            {"method": "embed_batch", "params": {"model": "m", "inputs": ["a"]}},
            changed(model="m", must_be_loaded=True, normalize=True),
        ),
        (
            {"method": "embed_batch", "params": {"inputs": ["a"], "normalize": False}, "usage": True},
            changed(must_be_loaded=True, normalize=False, usage=True),
        ),
        ({"method": "ping", "params": {}}, Ping()),
        ({"method": "ping"}, Ping()),
        ({"method": "health", "params": None}, CheckHealth(None)),
        ({"method": "load_model", "params": {"model": "m", "cache_dir": "~/x"}}, LoadModel("m", "~/x")),
    ],
)
def test_requests_are_understood(request_, action):
    assert action_of(request_) == action


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (b"", "not JSON"),
        (b'{"texts": ["a"]', "not JSON"),
        (b'{"texts": ["a"]} {}', "not JSON: Extra data"),
        (b'{"texts": ["a\0"]}', "not JSON: Invalid control character"),
        (b'{"texts": ["\xff"]}', "not UTF-8: byte 12 is 0xff"),
        (b'{"texts": ["\xed\xa0\x80"]}', "not UTF-8"),
        (b'{"texts": ["a"], "truncate_dim": NaN}', "not JSON: NaN is no number of JSON's"),
        (b'{"texts": ["a"], "truncate_dim": -Infinity}', "-Infinity is no number"),
        (b'{"texts": ["a"], "texts": ["b"]}', '"texts" comes twice in one object'),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"texts": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b'{"texts": ["a"], "truncate_dim": ' + b"9" * 5000 + b"}", "not JSON"),
        ([1], "a request is a JSON object, not a list"),
        (None, "a request is a JSON object, not null"),
        ({}, 'a request has either "texts" or "method"'),
        ({"texts": ["a"], "method": "ping"}, 'a request has either "texts" or "method"'),
        ({"texts": "a"}, "texts is a string, not a list of strings"),
        ({"texts": None}, 'a request has either "texts" or "method"'),
        ({"texts": ["a", 1]}, "texts[1] is a number, not a string"),
        ({"texts": ["a", None]}, "texts[1] is null, not a string"),
        ({"texts": list("abcd")}, "texts has 4 texts; this bridge takes up to 3 in a request"),
        ({"texts": ["a"], "id": [1]}, "id is a list, not a string, number, boolean or null"),
        (b'{"texts": ["a"], "id": 1e999}', "id is a number that is too large"),
        (b'{"texts": ["a"], "id": "\\ud800"}', "id has an unpaired surrogate"),
        ({"texts": ["a"], "truncate_dim": 8.0}, "truncate_dim is not a positive integer"),
        ({"texts": ["a"], "truncate_dim": True}, "truncate_dim is not a positive integer"),
        ({"texts": ["a"], "truncate_dim": 0}, "truncate_dim is not a positive integer"),
        ({"texts": ["a"], "usage": 1}, "usage is a number, not a boolean"),
        ({"texts": ["a"], "encoding": "hex"}, 'encoding is "hex", none of float, base64'),
        ({"texts": ["a"], "prompt_name": 3}, "prompt_name is a number, not a string"),
        ({"texts": ["a"], "model": "m"}, 'unknown field "model"; known here: texts, normalize, truncate_dim'),
        ({"texts": ["a"], "x" * 500: 1}, "…; known here"),
        ({"method": "dance"}, 'unknown method "dance"; there are ping, load_model, embed_batch, model_info, health'),
        ({"method": ["ping"]}, 'unknown method ["ping"]'),
        ({"method": "ping", "params": []}, "params is a list, not an object"),
        ({"method": "embed_batch", "params": {"inputs": ["a"], "usage": True}, "usage": True}, "stands both in"),
        ({"method": "embed_batch", "params": {"texts": ["a"]}}, "inputs is null, not a list of strings"),
        ({"method": "embed_batch", "params": {"inputs": ["a"], "id": 1}}, 'unknown field "id"'),
        ({"method": "load_model"}, "model is missing"),
    ],
)
def test_what_is_wrong_is_told(request_, message):
    with pytest.raises(InvalidInputError) as caught:
        action_of(request_)
    assert message in str(caught.value)


@pytest.mark.parametrize("identity", ["x", "é\0", 0, -1, 2**70, 1.5, True, None, ""])
def test_ids_come_back_as_they_were(identity):
    frame = read_frame(read_object(json.dumps({"texts": [], "id": identity}).encode()))
    for line in (frame.success({}), frame.failure(ValueError())):
        assert json.loads(line)["id"] == identity
        assert type(json.loads(line)["id"]) is type(identity)


@pytest.mark.parametrize("request_", [{"text": ["a"]}, {"texts": ["a"], "method": "ping"}, {}])
def test_the_id_of_a_request_of_no_form_comes_back(request_):
    assert read_frame({**request_, "id": 7}) == Frame(Form.UNKNOWN, {"id": 7})


@given(st.binary(max_size=80) | st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists).map(repr))
def test_any_bytes_are_a_request_or_an_error(line):
    line = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
    with pytest.raises(InvalidInputError):
        action_of(line)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (Frame(Form.TEXTS), {"error": "no \\ud800", "status": "error", "error_type": "InvalidInputError"}),
        (Frame(Form.METHOD), {"message": "no \\ud800", "status": "error", "error_type": "InvalidInputError"}),
        (
            Frame(Form.UNKNOWN),
            {
                "error": "no \\ud800",
                "message": "no \\ud800",
                "status": "error",
                "error_type": "InvalidInputError",
            },
        ),
    ],
)
def test_errors_have_the_form_of_the_request(frame, answer):
    line = frame.failure(InvalidInputError("no \ud800"))
    assert json.loads(line) == answer
    assert line.isascii()
    assert line.count(b"\n") == 1


def test_an_error_of_another_kind_is_an_internal_one():
    answer = json.loads(Frame(Form.TEXTS).failure(KeyError("x\ny")))
    assert answer == {"error": "KeyError: 'x\\ny'", "status": "error", "error_type": "InternalError"}
