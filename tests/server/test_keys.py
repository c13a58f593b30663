"""API keys: where they come from, which are right, and what can be asked without one."""

import subprocess
import sys

import pytest

from ortembed.errors import InvalidInputError
from ortembed.server.api_errors import ApiError
from ortembed.server.keys import KEY_VARIABLE, KeyCheck, read_keys
from tests.server.operating import ask, connect, read_answer, request, serve, write

OPEN = ["/health", "/ready", "/live", "/ping", "/metrics", "/docs", "/openapi.json"]
CLOSED = ["/info", "/v1/models", "/nowhere", "/health/", "/static-offline-docs", "//health"]


@pytest.fixture(scope="module")
def service(cache_dir, tmp_path_factory):
    keys = write(tmp_path_factory.mktemp("keys") / "keys", "first-key\n\n  second-key \r\n")
    with serve(cache_dir, "--api-key-file", str(keys)) as running:
        yield running


@pytest.mark.parametrize("shown", ["Bearer first-key", "bearer second-key", "Bearer  first-key "])
def test_each_key_is_right(service, shown):
    assert ask(service, "/embed", {"inputs": "kitten"}, f"Authorization: {shown}").status == 200


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer wrong",
        "Bearer first-ke",
        "Bearer first-key2",
        "Bearer",
        "first-key",
        "Basic first-key",
        "Bearer FIRST-KEY",
    ],
)
@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_others_are_not(service, path, shown):
    answer = ask(service, path, {"inputs": "kitten", "input": "kitten"}, f"Authorization: {shown}")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    if path == "/embed":
        assert answer.value["error_type"] == "Unauthorized"
    else:
        assert answer.value["error"]["code"] == "invalid_api_key"


def test_a_key_that_is_not_text_is_wrong(service):
    raw = request("/embed", {"inputs": "kitten"}, "Authorization: Bearer KEY").replace(b"KEY", b"\xff\xfe")
    with connect(service) as connection:
        connection.sendall(raw)
        assert read_answer(connection).status == 401


@pytest.mark.parametrize("path", OPEN)
def test_probes_metrics_and_the_description_need_none(service, path):
    assert ask(service, path).status == 200


@pytest.mark.parametrize("path", CLOSED)
def test_whatever_else_does(service, path):
    assert ask(service, path).status == 401


def test_the_environment_has_one_key(cache_dir):
    with serve(cache_dir, environment={KEY_VARIABLE: "the-key"}) as service:
        assert ask(service, "/info").status == 401
        assert ask(service, "/info", None, "Authorization: Bearer the-key").status == 200


def test_a_file_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "other")
    assert read_keys(str(write(tmp_path / "keys", "a\nb"))) == ("a", "b")


def test_without_keys_the_service_is_open(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert read_keys(None) == ()
    KeyCheck(()).check(None)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_does_not_open_it(monkeypatch, text):
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(InvalidInputError, match=f"{KEY_VARIABLE} has no API key"):
        read_keys(None)


@pytest.mark.parametrize("text", ["", "\n \n", "a key", "schl\u00fcssel", "\ufeffkey", "a\x00b"])
def test_what_is_no_key_is_refused(tmp_path, text):
    with pytest.raises(InvalidInputError, match="API key"):
        read_keys(str(write(tmp_path / "keys", text)))


def test_the_environments_key_is_checked_too(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, " ")
    with pytest.raises(InvalidInputError, match=KEY_VARIABLE):
        read_keys(None)


def test_no_message_has_a_key(tmp_path):
    with pytest.raises(InvalidInputError) as caught:
        read_keys(str(write(tmp_path / "keys", "secret key")))
    assert "secret" not in str(caught.value)
    with pytest.raises(ApiError) as refused:
        KeyCheck(["secret"]).check(b"Bearer other-secret")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_ends_the_process(tmp_path, name):
    command = [sys.executable, "-m", "ortembed", "serve", "--api-key-file", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
