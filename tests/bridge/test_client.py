"""The client: a model in another process that feels like one in this."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ortembed.errors import InvalidInputError, ModelNotFoundError, ServiceUnavailableError
from tests.bridge.processes import UNRELIABLE_COMMAND, in_threads, is_alive, pid, raised, wait_for_end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, and what /proc tells")
TEXTS = ["a cat sat on the mat", "", "Größe — 東京", "nul \0", "🙂"]


def test_it_gives_the_embedders_vectors(new_client, embedder):
    client = new_client()
    for texts in (TEXTS, TEXTS[0], [], ("a", "a")):
        got = client.encode(iter(texts) if isinstance(texts, list) else texts)
        assert (got.dtype, got.shape) == (np.float32, embedder.encode(texts).shape)
        np.testing.assert_allclose(got, embedder.encode(texts), atol=1e-6)
    options = {"truncate_dim": 8, "normalize_embeddings": False, "prompt": "query: "}
    np.testing.assert_allclose(client.encode(TEXTS, **options), embedder.encode(TEXTS, **options), atol=1e-5)
    assert client.encode(TEXTS, input_type="query").shape == (5, 384)
    assert client.model_info() == embedder.model_info()
    client.ping()
    client.health()


def test_many_and_long_texts_go_in_several_requests(new_client, embedder):
    client = new_client(arguments=["--max-texts", "1024", "--max-line", "13000000"])
    texts = [str(i % 700) for i in range(5000)]
    np.testing.assert_allclose(client.encode(texts), embedder.encode(texts), atol=1e-5)
    long = ["\N{GRINNING FACE}" * 400_000] * 3 + ["x"]
    np.testing.assert_allclose(client.encode(long), embedder.encode(long), atol=1e-5)


@pytest.mark.parametrize(
    "option",
    [
        {"truncate_dim": np.int64(8)},
        {"truncate_dim": float("nan")},
        {"truncate_dim": True},
        {"truncate_dim": 0},
        {"normalize_embeddings": np.True_},
        {"prompt": b"x"},
        {"prompt": "\ud800"},
        {"prompt_name": 3},
        {"prompt_name": "no such prompt"},
    ],
    ids=repr,
)
def test_options_that_the_embedder_refuses_are_refused_alike(shared_client, embedder, option):
    for encode in (embedder.encode, shared_client.encode):
        with pytest.raises(InvalidInputError, match=next(iter(option)).partition("_")[0]):
            encode("a", **option)


def test_an_unknown_input_type_is_refused(shared_client):
    with pytest.raises(InvalidInputError, match="input_type is 'hint', none of query, document"):
        shared_client.encode("a", input_type="hint")


def test_a_long_text_is_truncated_whatever_its_letters(shared_client, embedder):
    long = "é🙂" * 1_500_000
    np.testing.assert_allclose(shared_client.encode(long), embedder.encode(long), atol=1e-5)


def test_a_limit_may_be_infinite(new_client):
    client = new_client(timeout=float("inf"), start_timeout=float("inf"))
    assert client.encode("a", timeout=float("inf")).shape == (384,)


def test_errors_are_those_of_the_embedder(new_client):
    client = new_client(arguments=["--max-line", "10000"])
    with pytest.raises(InvalidInputError, match="truncate_dim is 385, not an int from 1 to 384"):
        client.encode(TEXTS, truncate_dim=385)
    with pytest.raises(InvalidInputError, match=r"texts\[1\] is int, not str"):
        client.encode(["a", 1])
    with pytest.raises(InvalidInputError, match="unpaired surrogate"):
        client.encode("\ud800")
    with pytest.raises(InvalidInputError, match="longer than 10000 bytes"):
        client.encode("x" * 10_001)
    assert client.encode("still here").shape == (384,)


def test_a_model_that_is_not_there_is_told_each_time(new_client):
    client = new_client("no such model!")
    for _ in range(2):
        with pytest.raises(ModelNotFoundError, match="no such model!"):
            client.encode("a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": ["/no/such/program"]}, "cannot start '/no/such/program'"),
        ({"arguments": ["--dtype", "int4"]}, "ended with status 2 before it answered"),
        ({"command": [sys.executable, "-c", "print('hello')"]}, "was ended by signal 9|ended with status 0"),
    ],
)
def test_what_is_no_bridge_is_told(new_client, options, message):
    client = new_client(**options)
    with pytest.raises(ServiceUnavailableError, match=message):
        client.ping()


def test_concurrent_calls_get_each_their_own(new_client, embedder):
    client = new_client()
    texts = [[f"thread {i} text {j}" for j in range(i % 3)] for i in range(120)]
    got = [None] * len(texts)

    def work(start):
        for i in range(start, len(texts), 6):
            got[i] = client.encode(texts[i])

    in_threads(work, 6)
    for rows, mine in zip(got, texts, strict=True):
        np.testing.assert_allclose(rows, embedder.encode(mine), atol=1e-5)


def test_full_pipes_block_nobody(new_client, embedder):
    """Each request and each answer is larger than both pipes together, and eight are on their way at once."""
    client = new_client()
    texts = [f"{i}" + " " * 4000 for i in range(50)]
    expected = embedder.encode(texts)
    in_threads(lambda _: np.testing.assert_allclose(client.encode(texts), expected, atol=1e-5), 8)


def test_a_request_that_kills_each_process_is_not_sent_for_ever(new_client):
    client = new_client(command=UNRELIABLE_COMMAND)
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(raised(lambda: client.encode("die"))))]
    threads += [threading.Thread(target=client.encode, args=(f"fine {i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "was ended by signal 9 5 times with this request in hand" in str(outcomes[0])
    client.ping()


@pytest.mark.parametrize("text", ["babble", "answer another"])
def test_a_process_that_says_something_else_is_not_believed(new_client, text):
    client = new_client(command=UNRELIABLE_COMMAND)
    with pytest.raises(ServiceUnavailableError, match="5 times with this request in hand"):
        client.encode(text)
    client.ping()


def test_close_ends_the_process_and_the_calls(new_client):
    client = new_client(command=UNRELIABLE_COMMAND)
    client.ping()
    process, outcomes = pid(client), []
    thread = threading.Thread(target=lambda: outcomes.append(raised(lambda: client.encode("hang"))))
    thread.start()
    while not client._supervisor._sent:
        pass
    client.close()
    thread.join()
    assert str(outcomes[0]) == "the client is closed"
    assert not is_alive(process)
    with pytest.raises(ServiceUnavailableError, match="closed"):
        client.ping()
    client.close()


@pytest.mark.parametrize("seconds", [0, 0.001, 0.01, 0.3])
def test_a_client_is_closed_while_its_process_starts(new_client, seconds):
    client = new_client()
    time.sleep(seconds)
    client.close()
    assert not client._supervisor._thread.is_alive()


def test_close_ends_what_a_wrapper_has_started(new_client):
    client = new_client(command=["bash", "-c", f'{sys.executable} -m ortembed bridge "$@"; exit', "wrapper"])
    client.ping()
    wrapper = pid(client)
    (bridge,) = Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text("ascii").split()
    client.close()
    assert not client._supervisor._thread.is_alive()
    wait_for_end(bridge)


def test_the_working_folder_is_no_place_of_modules(new_client, tmp_path, monkeypatch):
    (tmp_path / "tokenizers.py").write_text("raise SystemExit('not this one')", "utf-8")
    monkeypatch.chdir(tmp_path)
    new_client().ping()


def test_a_folder_is_found_again_from_another_one(new_client, model_folder, tmp_path, monkeypatch):
    (tmp_path / "mymodel").symlink_to(model_folder)
    monkeypatch.chdir(tmp_path)
    client = new_client("mymodel")
    client.ping()
    monkeypatch.chdir("/")
    os.kill(pid(client), signal.SIGKILL)
    client.ping()
