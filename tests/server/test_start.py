"""The start of a service: what it is asked to do and cannot is a clear error; what it does, it tells."""

import http.client
import os
import socket
import subprocess
import sys

import pytest

from tests.server.operating import Answer, ask, metrics, serve


def start(*arguments, **environment):
    command = [sys.executable, "-m", "ortembed", "serve", "--offline", *map(str, arguments)]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=variables)


def check_failure(done, *words, status=1):
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr.splitlines()[-1]


def test_a_port_that_is_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        check_failure(start("--port", port), "OSError", str(port), "in use")


@pytest.mark.parametrize("host", ["256.0.0.1", "no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_named(host):
    check_failure(start("--host", host, "--port", 0), "OSError", f"cannot listen at {host}")


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none_is_named(port):
    check_failure(start("--port", port), "OSError", str(port))


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-body-bytes", 0), ("--head-timeout", -1), ("--request-timeout", "nan"), ("--max-queue-tokens", -5)],
)
def test_a_limit_that_is_none_is_named(option, value):
    check_failure(start(option, value), "InvalidInputError", option[2:].replace("-", "_"))


def test_two_models_of_one_name_are_refused():
    check_failure(start("a=all-minilm-l6-v2", "a=bge-small-en-v1.5"), "InvalidInputError", "names")


def test_a_model_that_is_not_there_ends_the_process(tmp_path):
    check_failure(start("some/model", "--port", 0, "--cache-dir", tmp_path), "some/model")


def test_models_are_served_by_name_after_a_warm_up(cache_dir):
    with serve(cache_dir, "first=all-minilm-l6-v2", "second=all-minilm-l6-v2") as service:
        ready = [event for event in service.events() if event["message"] == "ready"]
        assert [event["models"] for event in ready] == [["first", "second"]]
        counts = metrics(service)
        for name in ("first", "second"):
            assert counts[f'ortembed_engine_tokens_total{{model="{name}"}}'] > 100
        before = counts['ortembed_engine_tokens_total{model="first"}']
        vectors = [ask(service, "/embed", {"inputs": "kitten", "model": name}) for name in ("second", "first", "")]
        assert vectors[0].body == vectors[1].body == vectors[2].body
        assert metrics(service)['ortembed_engine_tokens_total{model="first"}'] == before + 2 * 3
        assert ask(service, "/embed", {"inputs": "kitten", "model": "third"}).status == 404


@pytest.mark.skipif(not socket.has_ipv6, reason="without IPv6")
def test_it_listens_at_ipv6_addresses(cache_dir):
    with serve(cache_dir, "--host", "::1", wait=False) as service:
        assert service.url.startswith("http://[::1]:")
        connection = http.client.HTTPConnection("::1", service.port, timeout=30)
        connection.request("GET", "/live")
        assert Answer(connection.getresponse().status, {}, b"").status == 200
        connection.close()
