"""The server itself, spoken to byte by byte: half requests, refused bodies, no HTTP at all."""

import logging
import socket
import threading
import time

import pytest
import uvicorn

from homeostat.dashboard import serve
from homeostat.dashboard.app import make_app

HEAD = b"Host: 127.0.0.1\r\n"
REFUSED = b"POST /api/studies HTTP/1.1\r\n" + HEAD


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(tmp_path_factory.mktemp("results")), log_level="error",
        timeout_graceful_shutdown=0, http=serve.patient_protocol(), ws="none",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def answer(port, *parts):
    """What the server says to these parts, up to the connection's end or half a second."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(0.5)
        said = b""
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(0.05)
            while more := client.recv(65536):
                said += more
        except (TimeoutError, ConnectionError):
            pass
        return said


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((REFUSED + b"Content-Length: 9000000\r\n\r\n", b"x" * 1_000_000, b"y" * 100_000), b"405"),
        ((REFUSED + b"Content-Length: 5\r\n\r\nmore than five", b"GET / HTTP/1.1\r\n\r\n"), b"405"),
        ((REFUSED + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\nno chunk\r\n"), b"405"),
        ((b"GET / HTTP/1.1\r\n" + HEAD + b"X: \xff\x00\r\n\r\n",), b"400"),
        ((b"\x16\x03\x01\x02\x00" * 10,), b"400"),
        ((b"GET /api/events HTTP/1.1\r\n" + HEAD + b"\r\n", b"garbage\r\n\r\n"), b"200"),
    ],
)
def test_what_is_no_request_is_refused_without_a_traceback(port, parts, status, caplog):
    with caplog.at_level(logging.ERROR):
        said = answer(port, *parts)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert not [record for record in caplog.records if record.exc_info]
    assert answer(port, b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n").startswith(b"HTTP/1.1 200")


def test_a_request_that_never_ends_is_not_waited_for(port, monkeypatch):
    monkeypatch.setattr(serve, "HALF_REQUEST_S", 0.1)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert client.recv(100) == b""
