"""The server around the routes: what is open, headers, sizes, ports, and how it starts and ends."""

import signal
import socket
import subprocess
import sys

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from metrics.errors import InputError
from study.folder.study import open_study
from study.server.app import create_app
from study.server.listen import base_url, bind
from tests.study.conftest import MARKER, ROOT, save_image

GRADIO_CLOSED = [
    "gradio_api/upload",
    "gradio_api/upload_progress?upload_id=1",
    "gradio_api/info",
    "gradio_api/openapi.json",
    "gradio_api/queue/data?session_hash=1",
    "gradio_api/queue/status",
    "gradio_api/heartbeat/1",
    "gradio_api/file=/etc/passwd",
    "gradio_api/file=https://example.com/",
    "gradio_api/file//etc/passwd",
    "gradio_api/proxy=https://example.com/",
    "gradio_api/deep_link?session_hash=1",
    "gradio_api/runs",
    "gradio_api/startup-events",
    "gradio_api/vibe-code",
    "login",
    "logout",
    "monitoring",
    "monitoring/summary",
    "pwa_icon",
    "svelte/x.js",
    "docs",
    "openapi.json",
    "dev/reload",
]


@pytest.fixture(scope="module")
def study(make_study):
    return make_study(images=2)


@pytest.fixture(scope="module")
def client(study):
    return TestClient(create_app(study))


class TestGradio:
    @pytest.mark.parametrize("path", ["rate", "owner"])
    def test_page_and_configuration_hold_nothing_of_the_study(self, study, client, path):
        secrets = [MARKER, study.config.title, str(study.folder), str(ROOT), study.store.owner_token]
        secrets += [evaluator.token for evaluator in study.store.evaluators()]
        for address in (f"/{path}/", f"/{path}/config", f"/{path}/manifest.json", f"/{path}/theme.css"):
            response = client.get(address)
            assert response.status_code == 200
            assert not [secret for secret in secrets if secret in response.text]

    @pytest.mark.parametrize("path", ["rate", "owner"])
    @pytest.mark.parametrize("route", GRADIO_CLOSED)
    def test_its_other_routes_are_closed(self, client, path, route):
        assert client.get(f"/{path}/{route}").status_code == 404

    @pytest.mark.parametrize("path", ["rate", "owner"])
    @pytest.mark.parametrize(
        "route", ["upload", "queue/join", "call/x", "run/x", "api/x", "cancel", "reset", "stream/x"]
    )
    def test_nothing_can_be_posted(self, client, path, route):
        assert client.post(f"/{path}/gradio_api/{route}", json={}).status_code == 404

    def test_no_file_can_be_uploaded(self, client):
        files = {"files": ("big.bin", b"x" * 100_000)}
        assert client.post("/rate/gradio_api/upload", files=files).status_code == 404
        assert client.post("/rate/", files=files).status_code == 405

    @pytest.mark.parametrize("path", ["assets/../../../etc/passwd", "static/%2e%2e/%2e%2e/x", "assets//etc/passwd"])
    def test_no_way_out_of_its_folders(self, client, path):
        assert client.get(f"/rate/{path}").status_code in (403, 404)

    def test_the_key_stays_in_the_address_when_the_slash_is_missing(self, client):
        response = client.get("/rate?key=abc", follow_redirects=False)
        assert response.status_code == 307
        assert response.headers["location"] == "./rate/?key=abc"

    @pytest.mark.parametrize("path", ["/rate", "/owner", "/rate/assets", "/api/rater/x/session/", "/rate/static"])
    def test_no_redirect_believes_the_host_header(self, client, path):
        response = client.get(f"{path}?key=abc", headers={"Host": "evil.example"}, follow_redirects=False)
        assert "evil.example" not in response.headers.get("location", "")
        assert "evil.example" not in response.text

    def test_no_web_sockets(self, client):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/rate/gradio_api/queue/join"):
            pass


class TestRequests:
    def test_the_first_page_says_what_to_do(self, client):
        response = client.get("/")
        assert response.headers["content-type"].startswith("text/html")
        assert "Open the private link you were given." in response.text

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/items.csv", "/study.yaml", "/api/rater/"])
    def test_nothing_else_is_there(self, client, path):
        assert client.get(path).status_code == 404

    @pytest.mark.parametrize(
        "path", ["/", "/rate/", "/rate/config", "/nowhere", "/api/rater/x/session", "/favicon.ico"]
    )
    def test_headers_on_everything(self, client, path):
        headers = client.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert rules["default-src"].startswith("'self' ") and "http" not in rules["default-src"]
        assert rules["frame-ancestors"] == "'self'" and rules["form-action"] == "'none'"
        assert headers["cache-control"]

    def test_session_is_kept_by_no_cache(self, study, client):
        token = study.store.evaluators()[0].token
        assert client.get(f"/api/rater/{token}/session").headers["cache-control"] == "private, no-store"

    def test_a_large_body_is_refused_unread(self, study, client):
        address = f"/api/rater/{study.store.evaluators()[0].token}/ratings/x"
        assert client.put(address, content=b"x" * 3000).status_code == 413
        assert client.put(address, content=(part for part in [b"{", b"}"])).status_code == 411

    @pytest.mark.parametrize("length", ["5", "0", None])
    @pytest.mark.parametrize("method", ["PUT", "GET", "POST"])
    def test_a_body_in_parts_is_refused_whatever_its_length_says(self, client, method, length):
        headers = {"Transfer-Encoding": "chunked"} | ({"Content-Length": length} if length else {})
        response = client.request(method, "/api/rater/x/ratings/x", headers=headers)
        assert (response.status_code, response.headers["connection"]) == (411, "close")

    @pytest.mark.parametrize("length", ["-1", "1e3", "９", "9" * 5000, "2049", ""])
    def test_lengths_that_are_none(self, client, length):
        headers = {"Content-Length": length.encode()}
        assert client.put("/api/rater/x/ratings/x", headers=headers).status_code == 413

    @pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    def test_other_methods(self, client, method):
        assert client.request(method, "/api/rater/x/session").status_code == 405


class TestAddresses:
    def test_a_taken_port_is_named_with_the_way_out(self):
        with bind("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            with pytest.raises(InputError, match=rf"Port {port} .* --port"):
                bind("127.0.0.1", port)

    def test_a_host_that_is_none(self):
        with pytest.raises(InputError, match="--host"):
            bind("no.such.host.invalid", 0)

    def test_a_host_that_is_another_machines(self):
        with pytest.raises(InputError, match=r"192\.0\.2\.1.*--host"):
            bind("192.0.2.1", 0)

    def test_all_addresses_are_printed_as_one_that_works(self):
        with bind("0.0.0.0", 0) as listener:
            url = base_url(listener)
        assert url.startswith("http://")
        assert "0.0.0.0" not in url

    @pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
    def test_ipv6_stands_in_brackets(self):
        try:
            listener = bind("::1", 0)
        except InputError:
            pytest.skip("IPv6 is switched off on this machine")
        with listener:
            assert base_url(listener).startswith("http://[::1]:")


@pytest.mark.process
class TestProcess:
    def test_links_are_printed_and_keys_are_not_logged(self, make_study, serve_study):
        server = serve_study(make_study(images=2, evaluators=("ann", "bob")))
        assert set(server.links) == {"owner", "ann", "bob"}
        token = server.token("ann")
        assert httpx.get(f"{server.base}/api/rater/{token}/session").status_code == 200
        assert httpx.get(server.links["ann"]).status_code == 200
        assert httpx.get(f"{server.base}/api/rater/{token}x/session").status_code == 404
        server.process.send_signal(signal.SIGINT)
        rest, _ = server.process.communicate(timeout=20)
        last_of_the_start = "Serving; stop with Ctrl-C. No rating is lost by stopping.\n"
        assert (server.process.returncode, rest.removeprefix(last_of_the_start)) == (0, "")

    def test_serving_imports_no_torch(self, study):
        code = (
            "import sys; from study.folder.study import open_study; from study.server.app import create_app; "
            "create_app(open_study(sys.argv[1])); print('torch' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(study.folder)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout == "False\n"


class TestCompleteness:
    def test_a_missing_image_file_is_named_before_anybody_rates(self, make_study):
        study = make_study(images=3, evaluators=["ann"])
        lost = study.image_path(study.items["item"][1])
        lost.unlink()
        with pytest.raises(InputError, match="1 image file named in .* cannot be found, the first: .*" + lost.name):
            create_app(study)

    def test_the_row_of_a_rated_item_that_went_missing_is_named(self, make_study):
        study = make_study(images=3, evaluators=["ann"])
        last = study.items["item"].iloc[-1]
        (ann,) = study.store.evaluators()
        target = next(one for one in study.store.assignments(ann.id) if one.item == last)
        study.store.rate(ann.id, target.public_id, 3, "c")
        table = (study.folder / "items.csv").read_text().splitlines(keepends=True)
        (study.folder / "items.csv").write_text("".join(table[:-1]))
        study.close()
        with pytest.raises(InputError, match=f"lacks 1 item that evaluators have rated, the first: '{last}'"):
            create_app(open_study(study.folder))

    def test_a_row_that_nobody_rated_may_be_taken_out_again(self, make_study):
        study = make_study(images=3, evaluators=["ann"])
        table = (study.folder / "items.csv").read_text().splitlines(keepends=True)
        (study.folder / "items.csv").write_text("".join(table[:-1]))
        study.close()
        study = open_study(study.folder)
        create_app(study)
        assert [(one.done, one.total) for one in study.store.progress()] == [(0, 2), (0, 2)]

    def test_a_new_row_with_a_spoilt_image_is_refused_and_a_good_one_taken(self, make_study):
        study = make_study(images=3, references=0, tasks=("aesthetic",), evaluators=["ann"])
        study.close()
        (study.folder / "spoilt.png").write_text("no image")
        save_image(study.folder / "good.png", 77)
        before = (study.folder / "items.csv").read_text()
        header = before.splitlines()[0].split(",")

        def add(name):
            cells = {"item": name, "image": name}
            row = ",".join(cells.get(column, "") for column in header)
            (study.folder / "items.csv").write_text(before + row + "\n")
            return open_study(study.folder)

        with pytest.raises(InputError, match=r"spoilt\.png: cannot be decoded"):
            create_app(add("spoilt.png"))
        with pytest.raises(InputError, match="cannot be found"):
            create_app(add("x" * 5000 + ".png"))
        (study.folder / "copy.png").write_bytes(study.image_path(study.items["item"][0]).read_bytes())
        with pytest.raises(InputError, match=r"copy\.png is a byte-identical copy of"):
            create_app(add("copy.png"))
        opened = add("good.png")
        create_app(opened)
        assert [(one.done, one.total) for one in opened.store.progress()] == [(0, 4)]

    def test_a_task_that_was_renamed_after_ratings_is_named(self, make_study):
        study = make_study(images=3, references=0, tasks=("aesthetic",), evaluators=["ann"])
        (ann,) = study.store.evaluators()
        for number, one in enumerate(study.store.assignments(ann.id)):
            study.store.rate(ann.id, one.public_id, 3, f"c{number}")
        study.close()
        text = (study.folder / "study.yaml").read_text()
        (study.folder / "study.yaml").write_text(text.replace("aesthetic:", "Aesthetic:"))
        with pytest.raises(InputError, match="lacks the task 'aesthetic', of which 3 ratings exist"):
            create_app(open_study(study.folder))
