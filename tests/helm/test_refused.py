"""What the chart refuses to render."""

import pytest
from chart import SHARED, refused


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
        ("store: { path: /var/lib/portcullis/../../tmp/x.db }", "it has to lie in persistence.mountPath"),
        ("store: { path: /var/lib/portcullis/.. }", "it has to lie in persistence.mountPath"),
        # A start refuses `store` in two files, and a value that is none.
        ("store: {}", "store.path is portcullis.db; it has to lie in persistence.mountPath"),
        ("store:", "config: store: expected a mapping"),
        ("server:", "config: server: expected a mapping"),
        ("server: 1", "config: server: expected a mapping"),
        ("server: { drain: }", "config: server.drain: expected a mapping"),
        ("server: { drain: { delay: } }", "config: server.drain.delay: there is no value"),
        ("server: { drain: { delay: 5 } }", "server.drain.delay: the chart has to know the time, and 5 is none"),
        ("server: { health: 1 }", "config: server.health: expected a mapping"),
        ("server: { listeners: }", "config: server.listeners: expected a list with at least one listener"),
        ("server: { listeners: [] }", "config: server.listeners: expected a list with at least one listener"),
        ("server: { listeners: [0.0.0.0:80] }", "config: server.listeners[0]: expected a mapping"),
        ("server: { listeners: [{ address: 80 }, { address: 0.0.0.0:81 }, {}] }", "server.listeners[2].address: the chart has to know the port"),
        (
            "server: { listeners: [{ name: a, address: 0.0.0.0:1 }, { name: a, address: 0.0.0.0:2 }] }",
            "server.listeners[1].name: a is the name of another listener",
        ),
        (
            "server: { listeners: [{ address: 0.0.0.0:8080 }, { address: 0.0.0.0:80 }] }",
            "server.listeners[1].address: the port 80 of the Service is that of the first listener already: set service.port",
        ),
        (
            "server: { listeners: [{ address: 127.0.0.1:8080 }, { address: 127.0.0.2:8080 }] }",
            "server.listeners[1].address: the port 8080 is that of another listener or of server.health",
        ),
        (
            "server: { listeners: [{ address: 127.0.0.1:9902 }] }",
            "server.listeners[0].address: the port 9902 is that of another listener or of server.health",
        ),
        ("server: { listeners: [{ address: '${ADDRESS}' }] }", "server.listeners[0].address: the chart has to know the port"),
        ("server: { health: { address: '${ADDRESS}' } }", "server.health.address: the chart has to know the port"),
        ("server: { drain: { delay: '${DELAY}' } }", "server.drain.delay: the chart has to know the time"),
        ("a: [", "config is no mapping in YAML"),
    ],
)
def test_a_configuration_that_would_not_work_in_the_chart_is_refused(config, reason):
    assert reason in refused({"config": config})


def test_more_than_one_need_a_store_and_a_pepper_that_they_share():
    assert "several need store.kind: redis" in refused({"replicaCount": 2})
    assert "need the same pepper" in refused({"config": SHARED})
