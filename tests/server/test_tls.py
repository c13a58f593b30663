"""HTTPS: with the operator's certificate; files that are none end the process with an error."""

import contextlib
import socket
import ssl

import pytest
import trustme

from ortembed.errors import InvalidInputError
from ortembed.server import ModelSource, Settings
from ortembed.server.run import serve as run_service
from tests.server.operating import ask, connect, eventually, is_closed, open_files, read_answer, request, serve


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    """A certificate for 127.0.0.1 and its key in two files, both in one, and the key of another certificate."""
    folder = tmp_path_factory.mktemp("tls")
    issued, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate")
    issued.private_key_pem.write_to_path(folder / "key")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "both")
    other.private_key_pem.write_to_path(folder / "other")
    (folder / "text").write_text("no certificate", "ascii")
    return folder


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def service(cache_dir, files):
    arguments = ["--tls-certificate", str(files / "both"), "--head-timeout", "1"]
    with serve(cache_dir, *arguments, wait=False) as running:
        assert running.url.startswith("https://")
        assert eventually(lambda: '"ready"' in "".join(running.log))
        yield running


def ask_securely(service, context, path, value=None):
    with connect(service) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(request(path, value))
        return read_answer(connection)


def test_a_client_that_trusts_the_authority_is_answered(service, trusting):
    answer = ask_securely(service, trusting, "/v1/embeddings", {"input": ["kitten"] * 500})
    assert answer.status == 200
    assert len(answer.value["data"]) == 500


def test_one_that_does_not_is_not(service):
    with pytest.raises(ssl.SSLCertVerificationError):
        ask_securely(service, ssl.create_default_context(), "/live")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_versions_of_tls_are_spoken(service, trusting, version):
    trusting.minimum_version = trusting.maximum_version = version
    assert ask_securely(service, trusting, "/live").status == 200


@pytest.mark.parametrize("start", [b"GET /live HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(500), b""])
def test_what_is_not_tls_is_closed(service, trusting, start):
    before = open_files(service)
    with connect(service) as connection:
        connection.sendall(start)
        if not start:
            connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    assert eventually(lambda: open_files(service) <= before)
    assert ask_securely(service, trusting, "/live").status == 200


def test_a_head_that_does_not_come_is_not_waited_for(service, trusting):
    with connect(service) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(b"POST /embed HT")
        with contextlib.suppress(ssl.SSLError):
            assert is_closed(connection)


def test_a_plain_service_closes_what_speaks_tls(cache_dir, trusting):
    with serve(cache_dir) as service:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask_securely(service, trusting, "/live")
        assert ask(service, "/live").status == 200


@pytest.mark.parametrize(
    ("certificate", "key", "error"),
    [
        ("certificate", "key", None),
        ("both", None, None),
        ("certificate", None, InvalidInputError),
        ("certificate", "other", InvalidInputError),
        ("text", None, InvalidInputError),
        ("certificate", "text", InvalidInputError),
        ("missing", None, OSError),
        ("certificate", "missing", OSError),
        (None, "key", InvalidInputError),
    ],
)
def test_files_that_do_not_fit_are_clear_errors(files, certificate, key, error):
    class LoadedError(Exception):
        pass

    def load():
        raise LoadedError

    with pytest.raises(error or LoadedError) as caught:
        run_service(
            [ModelSource("a", load)],
            Settings(),
            port=0,
            certificate=certificate and str(files / certificate),
            private_key=key and str(files / key),
        )
    assert not error or (certificate or key) in str(caught.value)
