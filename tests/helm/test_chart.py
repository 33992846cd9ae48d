"""The chart, linted, rendered and validated offline, and the configuration on its way through it."""

import json
import os
import subprocess
import tomllib
import urllib.request
from decimal import Decimal, InvalidOperation
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "portcullis"
VERSIONS = ["1.25", "1.29", "1.31", "1.33", "1.35", "1.37"]
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

# Each is linted, rendered and validated.
VALUES = {
    "a fleet": {"replicaCount": 3, "config": SHARED, "secret": {"pepper": "p" * 32}},
    "default": {},
    "no configuration but text": {"config": "upstreams: {}\n"},
    "everything": {
        "replicaCount": 0,
        "image": {"repository": "registry.example/portcullis", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "pull"}],
        "fullnameOverride": "edge",
        "commonLabels": {"team": "edge"},
        "config": FULL,
        "secret": {"adminToken": "a" * 16, "pepper": "p" * 32, "sealingKey": "A" * 43 + "="},
        "persistence": {"storageClass": "fast", "annotations": {"a": "b"}, "accessMode": "ReadWriteOncePod"},
        "service": {
            "type": "LoadBalancer",
            "annotations": {"c": "d"},
            "loadBalancerClass": "example.com/lb",
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "externalTrafficPolicy": "Local",
        },
        "serviceAccount": {"annotations": {"e": "f"}},
        "terminationGracePeriodSeconds": 120,
        "podAnnotations": {"g": "h"},
        "podLabels": {"i": "j"},
        "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
        "extraEnv": [{"name": "X", "value": "y"}],
        "extraVolumes": [{"name": "extra", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
    },
    "what is there already": {
        "secret": {"existing": "keys"},
        "persistence": {"existingClaim": "claim"},
        "serviceAccount": {"create": False, "name": "robot"},
    },
    "nothing kept": {"persistence": {"enabled": False}, "service": {"type": "NodePort", "port": 8080}},
}


def render(values):
    """The objects of a release, by kind."""
    with helm.Chart.load(str(CHART)) as chart:
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


@pytest.mark.parametrize("case", VALUES)
def test_it_lints_without_a_warning(case):
    report = helm.lint(str(CHART), VALUES[case], strict=True)
    assert report["errors"] == []
    assert [found for found in report["messages"] if found["severity"] > 1] == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", VALUES)
def test_every_object_is_valid_for_each_version_of_kubernetes(case, version):
    objects = render(VALUES[case])
    assert {"ConfigMap", "Deployment", "Service"} <= set(objects)
    for found in objects.values():
        kubernetes_validate.validate(found, version, strict=True)


def test_the_chart_names_the_version_that_is_built_here():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert chart["appVersion"] == version


def test_one_instance_that_goes_before_the_next_comes():
    spec = render({})["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_instances_that_share_a_store_are_replaced_one_at_a_time_and_keep_nothing():
    objects = render(VALUES["a fleet"])
    spec = objects["Deployment"]["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert "PersistentVolumeClaim" not in objects
    assert {volume["name"] for volume in pod(objects)["volumes"]} == {"config", "tmp"}
    assert list(objects["ConfigMap"]["data"]) == ["portcullis.yaml"]


def test_more_than_one_need_a_store_and_a_pepper_that_they_share():
    assert "several need store.kind: redis" in refused({"replicaCount": 2})
    assert "need the same pepper" in refused({"config": SHARED})


@pytest.mark.parametrize(
    "values",
    [
        {"replicaCount": -1},
        {"replicas": 1},
        {"config": {}},
        {"config": ["a"]},
        {"secret": {"pepper": "too short"}},
        {"secret": {"sealingKey": "c2hvcnQ="}},
        {"persistence": {"mountPath": "relative"}},
        {"persistence": {"accessMode": "ReadWriteMany"}},
        {"service": {"port": 0}},
    ],
)
def test_values_that_cannot_be_meant_are_refused(values):
    assert "schema" in refused(values)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("store: { path: portcullis.db }", "store.path is portcullis.db; it has to lie in persistence.mountPath"),
        ("store: { pepper: x }", "it has to lie in persistence.mountPath"),
        ("store: { path: /var/lib/portcullis-2/p.db }", "it has to lie in persistence.mountPath"),
        ("server: { listeners: [{ address: '${ADDRESS}' }] }", "server.listeners[0].address: the chart has to know the port"),
        ("server: { health: { address: '${ADDRESS}' } }", "server.health.address: the chart has to know the port"),
        ("server: { drain: { delay: '${DELAY}' } }", "server.drain.delay: the chart has to know the time"),
        ("a: [", "config is no mapping in YAML"),
    ],
)
def test_a_configuration_that_would_not_work_in_the_chart_is_refused(config, reason):
    assert reason in refused({"config": config})


def test_nothing_runs_as_root_or_writes_but_where_it_must():
    objects = render({})
    assert pod(objects)["automountServiceAccountToken"] is False
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    context = pod(objects)["securityContext"]
    assert context["runAsNonRoot"] is True and context["runAsUser"] > 0 and context["fsGroup"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = container(objects)["resources"]
    assert "memory" in resources["limits"] and "cpu" not in resources["limits"]
    writable = {mount["mountPath"] for mount in container(objects)["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/portcullis", "/tmp"}


def test_the_configuration_is_mounted_as_a_folder_so_that_it_can_be_reloaded():
    objects = render({})
    (mount,) = [mount for mount in container(objects)["volumeMounts"] if mount["name"] == "config"]
    assert "subPath" not in mount
    assert container(objects)["args"] == ["run", "--config", mount["mountPath"]]


def test_ports_probes_and_the_grace_period_follow_from_the_configuration():
    objects = render({"config": FULL})
    ports = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
    assert ports == {"public": 8443, "http-1": 8081, "http-2": 8082, "health": 9090}
    service = [(port["name"], port["port"], port["targetPort"]) for port in objects["Service"]["spec"]["ports"]]
    assert service == [("public", 80, "public"), ("http-1", 8081, "http-1"), ("http-2", 8082, "http-2")]
    # 1500 ms of delay, rounded up, a minute, and ten seconds.
    assert pod(objects)["terminationGracePeriodSeconds"] == 2 + 60 + 10
    probes = {name: container(objects)[f"{name}Probe"]["httpGet"] for name in ["startup", "liveness", "readiness"]}
    assert probes == {
        "startup": {"path": "/live", "port": "health"},
        "liveness": {"path": "/live", "port": "health"},
        "readiness": {"path": "/ready", "port": "health"},
    }
    # And without a word about them from its defaults.
    objects = render({})
    ports = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
    assert ports == {"http": 8080, "health": 9902}
    assert pod(objects)["terminationGracePeriodSeconds"] == 5 + 20 + 10


def test_the_selector_is_that_of_the_pods_and_of_the_service():
    for values in VALUES.values():
        objects = render(values)
        selector = objects["Deployment"]["spec"]["selector"]["matchLabels"]
        assert objects["Service"]["spec"]["selector"] == selector
        labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()
        assert "app.kubernetes.io/version" not in selector


def test_secrets_come_from_a_secret_and_stand_nowhere_else():
    secret = {"adminToken": "the-admin-token-x", "pepper": "p" * 40}
    objects = render({"secret": secret})
    assert set(objects["Secret"]["data"]) == {"admin-token", "pepper"}
    for kind in ["Deployment", "ConfigMap", "Service"]:
        assert not any(value in str(objects[kind]) for value in secret.values())
    variables = {
        variable["name"]: variable["valueFrom"]["secretKeyRef"] for variable in container(objects)["env"]
    }
    assert variables == {
        name: {"name": "demo-portcullis", "key": key, "optional": True}
        for name, key in [
            ("PORTCULLIS_ADMIN_TOKEN", "admin-token"),
            ("PORTCULLIS_PEPPER", "pepper"),
            ("PORTCULLIS_SEALING_KEY", "sealing-key"),
        ]
    }
    existing = render({"secret": {"existing": "keys"}})
    assert "Secret" not in existing
    assert {variable["valueFrom"]["secretKeyRef"]["name"] for variable in container(existing)["env"]} == {"keys"}
    assert "env" not in container(render({}))


def test_the_store_lies_on_a_claim_that_outlives_the_release():
    objects = render({})
    claim = objects["PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    (volume,) = [volume for volume in pod(objects)["volumes"] if volume["name"] == "data"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    existing = render({"persistence": {"existingClaim": "claim"}})
    assert "PersistentVolumeClaim" not in existing


def static_checksum(config):
    return render({"config": config})["Deployment"]["spec"]["template"]["metadata"]["annotations"]["checksum/static"]


def test_only_what_is_read_at_start_restarts_the_pod():
    assert static_checksum(FULL) == static_checksum(FULL.replace("name: app", "name: other"))
    assert static_checksum(FULL) == static_checksum("# a comment\n" + FULL)
    assert static_checksum(FULL) != static_checksum(FULL.replace("1m", "2m"))


# --- the configuration on its way ------------------------------------------------------------------------------------

ENVIRONMENT = {
    "PORTCULLIS_ADMIN_TOKEN": "the-admin-token-of-the-chart-tests",
    "PORTCULLIS_PEPPER": "a pepper of the chart tests, 32 bytes and more",
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


def test_the_notes_say_how_to_reach_it_and_what_is_missing():
    def notes(values):
        with helm.Chart.load(str(CHART)) as chart:
            return chart.render(values, name="demo", namespace="prod", is_install=True)["portcullis/templates/NOTES.txt"]

    plain_notes = notes({})
    assert "There is no admin API" in plain_notes and "It serves an example" in plain_notes
    full = notes({"config": FULL, "secret": {"existing": "keys"}, "persistence": {"enabled": False}})
    assert "port-forward deployment/demo-portcullis 9001" in full
    assert "every credential is lost" in full and "no admin API" not in full


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
