"""A webhook gets JSON, and whatever it does, nothing ends and no secret is shown."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metrics.errors import InputError
from study.runs.webhook import check_webhook, post
from tests.study.command import free_port


@pytest.fixture
def server():
    """A server that keeps what it is sent, and answers with the status in the path."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            if self.path.endswith("drip"):
                for _ in range(40):
                    self.wfile.write(b"H")
                    time.sleep(0.1)
                return
            self.send_response(int(self.path.rpartition("/")[2]))
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere/200")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 (the library's name)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.handle_error = lambda *_: None  # who gave up waiting has gone
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", got
        running.shutdown()


def test_it_is_sent_as_json(server):
    address, got = server
    assert post(f"{address}/secret/204", {"verdict": "worse", "model": "Ünal"}) == ""
    assert got == [("/secret/204", "application/json", {"verdict": "worse", "model": "Ünal"})]


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_refusal_is_a_sentence_and_nothing_is_followed(server, status):
    address, got = server
    assert post(f"{address}/secret/{status}", {}) == f"The webhook at 127.0.0.1 did not take it (status {status})."
    assert len(got) == 1


def test_a_server_that_never_ends_its_answer_is_left(server):
    begin = time.monotonic()
    assert post(f"{server[0]}/secret/drip", {}, 0.5) == "The webhook at 127.0.0.1 did not answer within 0.5 seconds."
    assert time.monotonic() - begin < 3


def test_nobody_there(capsys):
    said = post(f"http://127.0.0.1:{free_port()}/secret", {})
    assert said == "The webhook at 127.0.0.1 was not reached (Connection refused)."
    said = post("http://no-such-host.invalid/secret", {})
    assert said.startswith("The webhook at no-such-host.invalid was not reached (") and "secret" not in said
    assert "secret" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "url",
    [
        *("file:///secret", "ftp://host/secret", "secret", "", "http://", "http://ann:secret@host/x"),
        *("http://host/a b secret", "http://host/\r\nsecret: 1", "http://host:99999/secret", "http://[secret"),
    ],
)
def test_other_addresses_are_refused_without_showing_them(url):
    with pytest.raises(InputError) as error:
        check_webhook(url)
    assert "secret" not in str(error.value)


def test_https_and_a_port_are_taken():
    assert check_webhook("https://host:8443/x?y=1") == "https://host:8443/x?y=1"
