"""What restarts the pod."""

import shutil

import pytest
import yaml
from chart import CHART, FULL, render


def annotations(config, secret=None, chart=CHART, **values):
    objects = render({"config": config, "secret": secret or {}, **values}, chart)
    return objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]


def test_only_what_is_read_at_start_restarts_the_pod():
    assert annotations(FULL) == annotations(FULL.replace("name: app", "name: other"))
    assert annotations(FULL) == annotations("# a comment\n" + FULL)
    assert annotations(FULL) != annotations(FULL.replace("1m", "2m"))


SECRET = {"adminToken": "a-token-that-is-guessed", "pepper": "p" * 40, "sealingKey": "A" * 43 + "="}
LITERALS = """\
server: { threads: 2, admin: { token: TOKEN } }
store: { path: /var/lib/portcullis/p.db, pepper: TOKEN, previous_peppers: [TOKEN], sealing_key: TOKEN, url: TOKEN }
"""


def test_nothing_that_is_shown_of_a_pod_depends_on_a_secret():
    one = annotations(LITERALS, SECRET)
    other = {name: value.replace("a", "b").replace("p", "q").replace("A", "B") for name, value in SECRET.items()}
    assert annotations(LITERALS.replace("TOKEN", "another"), other) == one
    assert annotations(LITERALS.replace("threads: 2", "threads: 3"), SECRET) != one


@pytest.fixture
def cluster(tmp_path):
    """Renders an upgrade of a release, whose objects the chart finds in the cluster."""
    chart = tmp_path / "portcullis"
    shutil.copytree(CHART, chart)
    (chart / "values.schema.json").unlink()
    helpers = chart / "templates" / "_helpers.tpl"
    text = helpers.read_text()
    for kind in ["ConfigMap", "Secret"]:
        found = f'lookup "v1" "{kind}" .Release.Namespace $name'
        assert found in text
        text = text.replace(found, f'dig "{kind}" dict (.Values.cluster | default dict)')
    helpers.write_text(text)
    return chart


@pytest.mark.parametrize(
    ("config", "secret", "restarts"),
    [
        (LITERALS, SECRET, False),
        ("# moved\n" + LITERALS, SECRET, False),
        (LITERALS, SECRET | {"adminToken": "another-token-than-before"}, True),
        (LITERALS, {name: value for name, value in SECRET.items() if name != "sealingKey"}, True),
        (LITERALS, {"existing": "keys"}, True),
        (LITERALS.replace("token: TOKEN", "token: another"), SECRET, True),
        (LITERALS.replace("[TOKEN]", "[]"), SECRET, True),
    ],
)
def test_an_upgrade_with_other_secrets_restarts_the_pod_and_another_does_not(cluster, config, secret, restarts):
    def release(config, secret, before):
        values = {"config": config, "secret": secret, "cluster": before}
        objects = render(values, cluster)
        pod = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
        written = objects["ConfigMap"]["metadata"]["annotations"]["portcullis/secrets-revision"]
        assert pod["portcullis/secrets-revision"] == written
        return {kind: objects[kind] for kind in ["ConfigMap", "Secret"] if kind in objects}, int(written)

    objects, first = release(LITERALS, SECRET, {})
    assert first == 0
    objects, second = release(config, secret, objects)
    assert second == (1 if restarts else 0)
    objects, third = release(config, secret, objects)
    assert third == second
    _, back = release(LITERALS, SECRET, objects)
    assert back == (2 if restarts else 0)


def test_the_first_upgrade_from_a_release_that_wrote_no_revision_is_one(cluster):
    objects = render({"config": FULL}, cluster)
    del objects["ConfigMap"]["metadata"]["annotations"]
    before = {"ConfigMap": yaml.safe_load(yaml.safe_dump(objects["ConfigMap"]))}
    assert annotations(FULL, None, cluster, cluster=before)["portcullis/secrets-revision"] == "0"
