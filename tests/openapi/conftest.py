"""A gateway with a few records in it."""

import base64
import json
import os
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest

ADMIN_TOKEN = "the-admin-token-of-the-openapi-tests"


class Gateway:
    """One `portcullis run` process; its addresses come from its log."""

    def __init__(self, folder):
        environment = {
            "PORTCULLIS_ADMIN_TOKEN": ADMIN_TOKEN,
            "SEALING_KEY": base64.b64encode(b"k" * 32).decode(),
            "STORE": str(folder / "portcullis.db"),
        }
        self.process = subprocess.Popen(
            [os.environ["PORTCULLIS_BIN"], "run", "--config", str(Path(__file__).with_name("gateway.yaml"))],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.said = []
        for line in self.process.stderr:
            self.said.append(line.decode())
            event = json.loads(line)
            if event["message"] == "listening" and event["listener"] == "admin":
                self.url = "http://" + event["address"]
            if event["message"] == "ready":
                break
        else:
            raise AssertionError("the gateway did not start:\n" + "".join(self.said))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        self.said.extend(line.decode() for line in self.process.stderr)

    def call(self, method, path, body):
        call = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.reader.join()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def records(gateway):
    """Records that calls can be about."""
    gateway.call("PUT", "/v1/resources/org_1", {"kind": "org", "members": {"user_1": "read"}})
    gateway.call("PUT", "/v1/resources/board_1", {"kind": "board", "parent": "org_1"})
    gateway.call("PUT", "/v1/subjects/user_1", {})
    order = {"api": "app", "scheme": "key", "subject": "user_1", "org": "org_1", "grants": {"board_1": "read"}}
    gateway.call("POST", "/v1/credentials", order)
