"""The chart, linted, rendered and validated offline."""

import tomllib

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from chart import CHART, FULL, ROOT, SHARED, container, pod, render

VERSIONS = ["1.25", "1.29", "1.31", "1.33", "1.35", "1.37"]

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


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["", "http"], ["http-1", "http"]),
        (["http-1", ""], ["http-1", "http-2"]),
        (["", "http-1", "", "x--y", "TOO-loud", "health"], ["http", "http-1", "http-2", "http-3", "http-4", "http-5"]),
        (["http-2", "http-3", "", ""], ["http-2", "http-3", "http-4", "http-5"]),
    ],
)
def test_each_port_has_a_name_of_its_own(names, expected):
    listeners = [{"address": f"0.0.0.0:{8080 + at}"} | ({"name": name} if name else {}) for at, name in enumerate(names)]
    objects = render({"config": yaml.safe_dump({"server": {"listeners": listeners}})})
    assert [port["name"] for port in container(objects)["ports"]] == [*expected, "health"]
    service = objects["Service"]["spec"]["ports"]
    assert [(port["name"], port["targetPort"]) for port in service] == [(name, name) for name in expected]
    kubernetes_validate.validate(objects["Service"], VERSIONS[-1], strict=True)


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


def test_the_notes_say_how_to_reach_it_and_what_is_missing():
    def notes(values):
        with helm.Chart.load(str(CHART)) as chart:
            return chart.render(values, name="demo", namespace="prod", is_install=True)["portcullis/templates/NOTES.txt"]

    plain_notes = notes({})
    assert "There is no admin API" in plain_notes and "It serves an example" in plain_notes
    full = notes({"config": FULL, "secret": {"existing": "keys"}, "persistence": {"enabled": False}})
    assert "port-forward deployment/demo-portcullis 9001" in full
    assert "every credential is lost" in full and "no admin API" not in full
