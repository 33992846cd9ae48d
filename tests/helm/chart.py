"""The chart, rendered."""

from pathlib import Path

import helm_python as helm
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "portcullis"
FULL = """\
server:
  listeners:
    - { name: public, address: "0.0.0.0:8443", trusted_proxies: [10.0.0.0/8] }
    - { address: "[::]:8081" }
    - { name: health, address: 0.0.0.0:8082 }
  admin: { address: "localhost:9001" }
  health: { address: "0.0.0.0:9090" }
  drain: { delay: 1500ms, timeout: 1m }
store: { path: /var/lib/portcullis/data/p.db }
upstreams: { app: [app:8080] }
apis:
  - { name: app, upstream: app, schemes: [{ name: key }] }
"""
SHARED = """
store: { kind: redis, url: "redis://redis:6379/0" }
upstreams: { app: [app:8080] }
apis:
  - { name: app, upstream: app, schemes: [{ name: key }] }
"""


def render(values, chart=CHART):
    """The objects of a release, by kind."""
    with helm.Chart.load(str(chart)) as chart:
        rendered = chart.render(values, name="demo", namespace="prod", is_install=True)
    objects = {}
    for name, text in rendered.items():
        if name.endswith(".yaml"):
            for found in yaml.safe_load_all(text):
                if found is not None:
                    assert found["kind"] not in objects
                    objects[found["kind"]] = found
    return objects


def pod(objects):
    return objects["Deployment"]["spec"]["template"]["spec"]


def container(objects):
    (only,) = pod(objects)["containers"]
    return only


def refused(values):
    with pytest.raises(helm.HelmError) as said:
        render(values)
    return str(said.value)
