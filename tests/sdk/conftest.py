"""A product's application, scripted, and a gateway with the product's shipped file in front of it.

A test module names its product and what the application answers:

    PRODUCT = "imbrace"
    ANSWERS = {("GET", "/api/boards"): {"data": []}, ("DELETE", "/v1/keys/1"): (404, {"message": "gone"})}
"""

import json
import os
import re
import socket
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ADMIN_TOKEN = "the-admin-token-of-the-sdk-tests"

CONFIG = Path(__file__).parents[2] / "config"

# What the shipped file leaves to whoever runs it. Every address is one that the system chooses.
BASE = """
server:
  listeners: [{ name: public, address: 127.0.0.1:0 }]
  admin: { address: 127.0.0.1:0, token: "${PORTCULLIS_ADMIN_TOKEN}" }
  health: { address: 127.0.0.1:0 }
  drain: { delay: 0s, timeout: 5s }
store:
  path: ../portcullis.db
  timeout: 10s  # A machine that runs many tests at once may keep a look-up waiting far longer than a request should.
"""


def shipped(product):
    """The product's file, as it is shipped."""
    return CONFIG / f"{product}.yaml"


def host(product):
    """Where the product's clients look for it: the first host of its file."""
    return re.search(r"hosts: \[([^],]+)", shipped(product).read_text())[1]


@pytest.fixture(scope="module", autouse=True)
def resolved(request):
    """The product's host is this machine, as an entry of /etc/hosts would have it."""
    name, system = host(request.module.PRODUCT), socket.getaddrinfo

    def getaddrinfo(asked, *args, **kwargs):
        return system("127.0.0.1" if asked in (name, name.encode()) else asked, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


class Upstream:
    """Answers by method and path, and keeps every request: method, target, header fields with duplicates, body.

    An answer is JSON (with 200), a status with JSON or bytes, or a function of the handler that writes it all itself.
    """

    def __init__(self, answers):
        self.answers = dict(answers)
        self.requests = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream.requests.append((self.command, self.path, self.headers.items(), body))
                found = upstream.answers.get((self.command, urlsplit(self.path).path), (404, None))
                if callable(found):
                    found(self)
                    return
                status, content = found if isinstance(found, tuple) else (200, found)
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

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
    """One `portcullis run` process on the shipped file of a product; its addresses come from its log."""

    def __init__(self, product, upstream, folder, **variables):
        self.product = product
        config = folder / "config"
        config.mkdir()
        (config / "base.yaml").write_text(BASE)
        (config / f"{product}.yaml").symlink_to(shipped(product))
        upstreams = re.findall(r"\$\{(\w+_UPSTREAM)\b", shipped(product).read_text())
        environment = dict.fromkeys(upstreams, upstream.address)
        environment.update(variables, PORTCULLIS_ADMIN_TOKEN=ADMIN_TOKEN)
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
        port = self.addresses["public"].rpartition(":")[2]
        return f"http://{host(self.product)}:{port}"

    def admin(self, method, path, body=None):
        """A call of the admin API, which must be done; its answer."""
        call = urllib.request.Request(
            f"http://{self.addresses['admin']}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def create(self, **fields):
        """Makes a credential, without an end unless `fields` say otherwise; returns its id and its secret."""
        ends = ("lifetime", "expires_on", "expires_at")
        body = {"api": self.product, **({} if fields.keys() & set(ends) else {"lifetime": "never"}), **fields}
        made = self.admin("POST", "credentials", body)
        return made["credential"]["id"], made["secret"]

    def stop(self):
        """Ends it in order; returns the lines of its access log."""
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.log.close()
        return [json.loads(line) for line in open(self.log.name, "rb")]


@pytest.fixture(scope="module")
def upstream(request):
    return Upstream(request.module.ANSWERS)


@pytest.fixture(scope="module")
def gateway(request, upstream, tmp_path_factory):
    gateway = Gateway(request.module.PRODUCT, upstream, tmp_path_factory.mktemp("gateway"))
    yield gateway
    gateway.stop()


@pytest.fixture
def another(request, upstream, tmp_path):
    """Starts a gateway of the test's own, with these variables in its environment."""
    started = []

    def start(**variables):
        started.append(Gateway(request.module.PRODUCT, upstream, tmp_path, **variables))
        return started[-1]

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.stop()


@pytest.fixture
def sent(upstream):
    """How many requests have reached the upstream since the test began."""
    before = len(upstream.requests)
    return lambda: len(upstream.requests) - before
