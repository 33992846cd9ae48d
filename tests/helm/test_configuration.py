"""The configuration on its way through the chart."""

import json
import os
import subprocess
import urllib.request
from decimal import Decimal, InvalidOperation
from pathlib import Path

import helm_python as helm
import pytest
import yaml
from chart import CHART, FULL, ROOT, container, pod, render

ENVIRONMENT = {
    "PORTCULLIS_ADMIN_TOKEN": "the-admin-token-of-the-chart-tests",
    "PORTCULLIS_PEPPER": "a pepper of the chart tests, 32 bytes and more",
    "PORTCULLIS_SEALING_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


def configurations():
    """Every sample, with its store where the chart wants it."""
    for path in sorted((ROOT / "config").glob("*.yaml")):
        yield path.name, path.read_text().replace(" path: portcullis.db", " path: /var/lib/portcullis/portcullis.db")
    yield "full", FULL


CONFIGURATIONS = dict(configurations())


def check(files, folder):
    """What `portcullis check` says of the files of a ConfigMap."""
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [os.environ["PORTCULLIS_BIN"], "check", str(folder)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def plain(scalar):
    """An unquoted scalar as Portcullis reads it: nothing, a number, or text. `true` is text with a meaning of its own."""
    if scalar in ("", "~", "null", "Null", "NULL"):
        return None
    try:
        return Decimal(scalar).normalize()
    except InvalidOperation:
        return scalar


def meaning(node):
    """A tree of YAML without what means nothing: the order of keys, and quotes around what is text anyway."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: meaning(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [meaning(item) for item in node.value]
    return plain(node.value) if node.style is None else node.value


def meaning_of(text):
    return meaning(yaml.compose(text, Loader=yaml.BaseLoader))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_given_as_text_arrives_byte_for_byte(name, tmp_path):
    files = render({"config": CONFIGURATIONS[name]})["ConfigMap"]["data"]
    assert files["portcullis.yaml"] == CONFIGURATIONS[name]
    checked = check(files, tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_given_as_a_mapping_arrives_with_the_same_meaning(name, tmp_path):
    text = CONFIGURATIONS[name]
    indented = "".join(f"  {line}" for line in text.splitlines(keepends=True))
    files = render(helm.values_from_yaml(f"config:\n{indented}"))["ConfigMap"]["data"]
    assert meaning_of(files["portcullis.yaml"]) == meaning_of(text)
    checked = check(files, tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_text_that_yaml_1_1_takes_for_something_else_stays_text():
    words = ["yes", "no", "on", "off", "y", "true", "null", "~", "0123", "0x10", "1_000", "1e3", "12:30", "2026-12-31", ""]
    config = {"apis": [{"name": "a", "words": words}]}
    arrived = render({"config": config})["ConfigMap"]["data"]["portcullis.yaml"]
    assert meaning_of(arrived) == {"apis": [{"name": "a", "words": words}]}


def test_what_a_mapping_would_lose_a_text_keeps():
    text = "apis:\n  - { name: off, count: 0123, y: 12345678901234567890 }\n"
    as_text = render({"config": text})["ConfigMap"]["data"]["portcullis.yaml"]
    assert as_text == text
    as_mapping = render(helm.values_from_yaml(f"config:\n  {text.splitlines()[0]}\n  {text.splitlines()[1]}\n"))
    assert meaning_of(as_mapping["ConfigMap"]["data"]["portcullis.yaml"]) != meaning_of(text)


def test_the_example_is_a_good_configuration(tmp_path):
    files = render({})["ConfigMap"]["data"]
    assert files["portcullis.yaml"] == (CHART / "example.yaml").read_text()
    checked = check(files, tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "")
    assert meaning_of(files["store.yaml"]) == {"store": {"path": "/var/lib/portcullis/portcullis.db"}}


def mounted(files, folder):
    """A ConfigMap's files as the kubelet lays them out: links through a link that is swapped."""
    (folder / "..1").mkdir(parents=True)
    (folder / "..data").symlink_to("..1")
    for name, text in files.items():
        (folder / "..1" / name).write_text(text)
        (folder / name).symlink_to(Path("..data") / name)


def test_what_is_rendered_runs_answers_the_probes_and_leaves_in_order(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    config = (
        'server:\n  listeners: [{ address: "127.0.0.1:0" }]\n  admin: { address: "127.0.0.1:0" }\n'
        '  health: { address: "127.0.0.1:0" }\n  drain: { delay: 0s }\n' + (CHART / "example.yaml").read_text()
    )
    objects = render({"config": config, "persistence": {"mountPath": str(data)}})
    mounted(objects["ConfigMap"]["data"], tmp_path / "config")
    program, *arguments = container(objects)["command"] + container(objects)["args"]
    assert (program, arguments[-1]) == ("portcullis", "/etc/portcullis")
    command = [os.environ["PORTCULLIS_BIN"], *arguments[:-1], str(tmp_path / "config")]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        addresses, said = {}, []
        for line in process.stderr:
            said.append(line)
            event = json.loads(line)
            if event["message"] == "listening":
                addresses[event["listener"]] = event["address"]
            if event["message"] == "ready":
                break
        assert "health" in addresses, said
        for name in ["startup", "liveness", "readiness"]:
            path = container(objects)[f"{name}Probe"]["httpGet"]["path"]
            with urllib.request.urlopen(f"http://{addresses['health']}{path}", timeout=10) as answer:
                assert answer.status == 200
        assert (data / "portcullis.db").exists()
    finally:
        process.terminate()
    process.stderr.read()
    assert process.wait(timeout=pod(objects)["terminationGracePeriodSeconds"]) == 0
