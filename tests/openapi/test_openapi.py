"""The admin API behaves as its OpenAPI document says, for calls that keep to the document and for calls that do not."""

import subprocess
import sys
from pathlib import Path

from conftest import ADMIN_TOKEN


def test_every_call_is_answered_as_the_document_says(gateway, records, tmp_path):
    tried = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            gateway.url + "/openapi.json",
            f"--header=Authorization: Bearer {ADMIN_TOKEN}",
            "--phases=coverage,fuzzing",
            "--max-examples=20",
            "--seed=1",
            "--no-shrink",
            "--warnings=off",
            # The stream of events has no end.
            "--exclude-operation-id=followEvents",
            # What a document cannot say: a field may be right in form and name nothing that there is.
            "--exclude-checks=positive_data_acceptance",
        ],
        cwd=tmp_path,
        timeout=300,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert tried.returncode == 0, tried.stdout
    assert "Tested: 29" in tried.stdout, tried.stdout


def test_nothing_failed_inside(gateway):
    assert not [line for line in gateway.said if '"level":"error"' in line or "panicked" in line]
