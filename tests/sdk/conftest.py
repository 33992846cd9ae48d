"""An upstream that answers as the product's services do, and a gateway in front of it."""

import json
import os
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ADMIN_TOKEN = "the-admin-token-of-the-sdk-tests"

ANSWERS = {
    ("GET", "/platform/v1/users/_me"): {"id": "u_1"},
    ("GET", "/data-board/boards"): {"data": [], "total": 0},
    ("POST", "/platform/v1/login/_signin_email_request"): {},
    ("POST", "/platform/v1/login/authenticate"): {"token": "login_acc_x", "organizations": []},
}


class Upstream:
    """Keeps every request it was sent: method, target and header fields, with duplicates."""

    def __init__(self):
        self.requests = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                requests.append((self.command, self.path, self.headers.items()))
                found = ANSWERS.get((self.command, urlsplit(self.path).path))
                body = json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "%s:%d" % self.server.server_address

    def last(self, name):
        """All values of a header field of the last request."""
        return [value for field, value in self.requests[-1][2] if field.lower() == name]


class Gateway:
    """One `portcullis run` process; its addresses come from its log."""

    def __init__(self, upstream, folder):
        environment = {
            "PORTCULLIS_ADMIN_TOKEN": ADMIN_TOKEN,
            "UPSTREAM": upstream.address,
            "STORE": str(folder / "portcullis.db"),
        }
        config = Path(__file__).with_name("imbrace.yaml")
        self.log = open(folder / "access.log", "wb")
        self.process = subprocess.Popen(
            [os.environ["PORTCULLIS_BIN"], "run", "--config", str(config)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.PIPE,
        )
        self.addresses = {}
        said = []
        for line in self.process.stderr:
            said.append(line.decode())
            event = json.loads(line)
            if event["message"] == "listening":
                self.addresses[event["listener"]] = event["address"]
            if event["message"] == "ready":
                break
        else:
            raise AssertionError("the gateway did not start:\n" + "".join(said))
        # What it says later must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    @property
    def url(self):
        return "http://" + self.addresses["public"]

    def create(self, **fields):
        """Makes a credential that does not end; returns its id and its secret."""
        body = {"api": "imbrace", "lifetime": "never", **fields}
        call = urllib.request.Request(
            f"http://{self.addresses['admin']}/v1/credentials",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=10) as answer:
            assert answer.status == 201
            made = json.load(answer)
        return made["credential"]["id"], made["secret"]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.log.close()


@pytest.fixture(scope="session")
def upstream():
    return Upstream()


@pytest.fixture(scope="session")
def gateway(upstream, tmp_path_factory):
    gateway = Gateway(upstream, tmp_path_factory.mktemp("gateway"))
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def api_key(gateway):
    """An API key of org_1, minted by the gateway."""
    return gateway.create(scheme="api-key", subject="u_1", org="org_1")[1]


@pytest.fixture(scope="session")
def access_token(gateway):
    """An access token of org_2 that the product has minted itself."""
    secret = "acc_8f14e45f-ceea-467f-a8f2-of-the-product"
    gateway.create(scheme="access-token", subject="u_2", org="org_2", secret=secret)
    return secret


@pytest.fixture
def sent(upstream):
    """How many requests have reached the upstream since the test began."""
    before = len(upstream.requests)
    return lambda: len(upstream.requests) - before
