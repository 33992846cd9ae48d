"""The main job on a real client: the product's own SDK, unchanged, through the gateway with the shipped file."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

# Its generator has written ten imports of a model that the package does not have: Python's own `object`.
sys.modules["postboost.models.object"] = SimpleNamespace(object=object)

import postboost  # noqa: E402
from postboost.exceptions import (  # noqa: E402
    ApiException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from postboost.models import ApiKeyInput, TagInput  # noqa: E402

PRODUCT = "postboost"

# Two workspaces of user_1, one of others, and one of user_1 whose plan has no API.
W1, W2, OTHERS, NO_API = (f"0b9ad1a7-7d4c-4f1e-9d0a-5a7e0c1b2d0{n}" for n in (1, 2, 3, 4))

TAG = {"id": 1, "uuid": "t", "name": "a", "hex_color": "#fff"}
PAGE = {"data": [], "links": {}, "meta": {}}
KEY = {"id": 1, "name": "k", "abilities": ["read"], "token": "a-scoped-key-of-the-product"}
MEDIA = {
    "id": "1", "uuid": "m", "name": "f", "mime_type": "image/png", "type": "image", "url": "https://cdn/m",
    "is_video": False, "created_at": "2026-01-01 00:00:00",
}  # fmt: skip

ANSWERS = {
    ("GET", "/app/api/workspaces"): {"data": [{"id": 1, "uuid": W1, "name": "n"}]},
    **{("GET", f"/app/api/{workspace}/tags"): {"data": [TAG]} for workspace in (W1, W2)},
    ("POST", f"/app/api/{W1}/tags"): (201, TAG),
    ("GET", f"/app/api/{W1}/posts"): PAGE,
    ("POST", f"/app/api/{W1}/media"): (201, MEDIA),
    ("POST", f"/app/api/{W1}/api-keys"): (201, {"data": KEY}),
    ("DELETE", f"/app/api/{W1}/api-keys/1"): (204, b""),
    ("GET", "/app/api/panel/users"): PAGE,
    ("GET", "/app/api/tools"): {"data": []},
}


def workspaces(gateway):
    """What the application has told the gateway."""
    members = {"user_1": "edit", "owner_1": "admin"}
    for workspace, members, capabilities in (
        (W1, members, ["api"]),
        (W2, members, ["api"]),
        (OTHERS, {"user_2": "edit"}, ["api"]),
        (NO_API, members, []),
    ):
        body = {"kind": "workspace", "members": members, "capabilities": capabilities}
        gateway.admin("PUT", f"resources/{workspace}", body)
    gateway.admin("PUT", "subjects/admin_1", {"admin": True})


@pytest.fixture(scope="module", autouse=True)
def registered(gateway):
    workspaces(gateway)


def token(gateway, subject="user_1", **fields):
    """Id and secret of a personal token."""
    return gateway.create(scheme="token", subject=subject, **fields)


def client(gateway, secret, **configuration):
    """Without retries of its own, unless the test is about them."""
    configuration = {"retries": False, **configuration}
    host = f"{gateway.url}/app/api"
    return postboost.ApiClient(postboost.Configuration(host=host, access_token=secret, **configuration))


def tags(gateway, secret, **configuration):
    return postboost.TagsApi(client(gateway, secret, **configuration))


def said(refusal):
    """What the SDK makes of a refusal."""
    return refusal.value.status, refusal.value.data


def test_any_live_token_lists_the_workspaces(gateway, upstream):
    secret = token(gateway, "of-no-workspace")[1]
    found = postboost.WorkspacesApi(client(gateway, secret)).list_my_workspaces()
    assert found.data[0].uuid == W1
    assert upstream.last("x-user-id") == ["of-no-workspace"]
    assert upstream.last("authorization") == upstream.last("x-workspace-id") == []


def test_one_token_works_in_every_workspace_of_its_user(gateway, upstream):
    api = tags(gateway, token(gateway)[1])
    for workspace in (W1, W2):
        assert api.list_tags(workspace).data[0].name == "a"
        assert upstream.last("x-workspace-id") == [workspace]
        assert upstream.last("x-user-id") == ["user_1"]


def test_what_is_created_is_parsed_and_the_idempotency_key_arrives(gateway, upstream):
    api = tags(gateway, token(gateway)[1])
    made = api.create_tag(W1, TagInput(name="a", hex_color="#fff"), idempotency_key="k")
    assert made.uuid == "t"
    assert upstream.last("idempotency-key") == ["k"]
    assert upstream.last("user-agent") == ["OpenAPI-Generator/1.66.3/python"]
    assert json.loads(upstream.requests[-1][3]) == {"name": "a", "hex_color": "#fff"}


def test_posts_are_listed(gateway):
    assert postboost.PostsApi(client(gateway, token(gateway)[1])).list_posts(W1).data == []


def test_the_panel_is_for_admin_users(gateway, sent):
    member, admin = (
        postboost.UsersApi(client(gateway, token(gateway, subject)[1])) for subject in ("user_1", "admin_1")
    )
    with pytest.raises(ForbiddenException) as refusal:
        member.list_users()
    assert said(refusal) == (403, {"message": "Forbidden"})
    assert admin.list_users().data == []
    assert sent() == 1


@pytest.mark.parametrize("secret", [None, "junk", "12|junk"])
def test_without_a_good_token_the_sdk_says_unauthorized(gateway, sent, secret):
    with pytest.raises(UnauthorizedException) as refusal:
        tags(gateway, secret).list_tags(W1)
    assert said(refusal) == (401, {"message": "Unauthenticated."})
    assert sent() == 0


def test_a_token_that_has_expired_is_unauthenticated(gateway):
    end = datetime.now(timezone.utc) + timedelta(seconds=2)
    secret = token(gateway, expires_at=end.isoformat())[1]
    time.sleep(max(0, (end - datetime.now(timezone.utc)).total_seconds()))
    with pytest.raises(UnauthorizedException) as refusal:
        tags(gateway, secret).list_tags(W1)
    assert said(refusal) == (401, {"message": "Unauthenticated."})


def test_a_token_is_rotated_by_making_a_new_one_and_deleting_the_old(gateway):
    (old_id, old), (_, new) = token(gateway), token(gateway)
    for secret in (old, new):
        assert tags(gateway, secret).list_tags(W1).data
    gateway.admin("DELETE", f"credentials/{old_id}")
    for _ in range(3):
        with pytest.raises(UnauthorizedException):
            tags(gateway, old).list_tags(W1)
        assert tags(gateway, new).list_tags(W1).data


def test_a_wrong_workspace_is_not_found_and_those_without_access_or_api_are_forbidden(gateway, sent):
    api = tags(gateway, token(gateway)[1])
    with pytest.raises(NotFoundException) as refusal:
        api.list_tags("00000000-0000-0000-0000-000000000000")
    assert json.loads(refusal.value.body) == {"message": "Not Found"}
    for workspace in (OTHERS, NO_API):
        with pytest.raises(ForbiddenException) as refusal:
            api.list_tags(workspace)
        assert refusal.value.data["message"] == "Forbidden"
    assert sent() == 0


@pytest.fixture
def narrow(another):
    """A gateway that lets a token ask once in four seconds."""
    gateway = another(POSTBOOST_MAX="1", POSTBOOST_WINDOW="4s")
    workspaces(gateway)
    return gateway


def test_over_the_limit_the_sdk_waits_as_long_as_it_is_told_and_succeeds(narrow, sent):
    api = tags(narrow, token(narrow)[1], retries=None)
    began = time.monotonic()
    assert api.list_tags(W1).data and api.list_tags(W1).data
    assert time.monotonic() - began >= 1
    assert sent() == 2
    statuses = [line["status"] for line in narrow.stop() if line["path"].endswith("/tags")]
    # What was told was true: it did not come in vain.
    assert statuses == [200, 429, 200]


def test_without_retries_the_limit_is_shown_as_it_is(narrow, sent):
    api = tags(narrow, token(narrow)[1])
    api.list_tags(W1)
    with pytest.raises(ApiException) as refusal:
        api.list_tags(W1)
    assert refusal.value.status == 429
    assert refusal.value.headers["Retry-After"] in ("1", "2", "3", "4")
    # A `code` of ours would not be one of those that the SDK knows.
    assert json.loads(refusal.value.body) == {"message": "Too Many Attempts."}
    assert sent() == 1


def test_a_post_over_the_limit_is_refused_at_once(narrow, sent):
    api = tags(narrow, token(narrow)[1], retries=None)
    api.create_tag(W1, TagInput(name="a", hex_color="#fff"))
    with pytest.raises(ApiException) as refusal:
        api.create_tag(W1, TagInput(name="a", hex_color="#fff"))
    assert refusal.value.status == 429
    assert sent() == 1
    assert [line["status"] for line in narrow.stop()] == [201, 429], "it was not tried again"


def test_a_scoped_key_reads_may_not_write_and_ends_with_its_deletion(gateway, upstream):
    owner = postboost.WorkspacesApi(client(gateway, token(gateway, "owner_1")[1]))
    made = owner.create_api_key(W1, ApiKeyInput(name="k", abilities=["read"])).data
    # The application has registered it before it answered.
    key_id, _ = gateway.create(
        scheme="token", subject="owner_1", org=W1, scopes=["read"], ceiling="read", secret=made.token
    )
    api = tags(gateway, made.token)
    assert api.list_tags(W1).data
    assert upstream.last("x-token-abilities") == ["read"]
    insufficient = {"message": "Forbidden", "code": "insufficient_scope"}
    for refused in (
        lambda: api.create_tag(W1, TagInput(name="a", hex_color="#fff")),
        lambda: api.list_tags(W2),
        lambda: postboost.WorkspacesApi(client(gateway, made.token)).list_api_keys(W1),
    ):
        with pytest.raises(ForbiddenException) as refusal:
            refused()
        assert said(refusal) == (403, insufficient)
    owner.delete_api_key(W1, 1)
    gateway.admin("DELETE", f"credentials/{key_id}")
    with pytest.raises(UnauthorizedException):
        api.list_tags(W1)


def test_the_free_tools_are_for_guests_and_a_token_that_is_sent_must_be_good(gateway, upstream):
    api = postboost.FreeToolsApi(client(gateway, None))
    assert api.list_free_tools().data == []
    assert upstream.last("x-user-id") == []
    bearer = {"Authorization": f"Bearer {token(gateway)[1]}"}
    assert api.list_free_tools(_headers=bearer).data == []
    assert upstream.last("x-user-id") == ["user_1"]
    with pytest.raises(UnauthorizedException):
        api.list_free_tools(_headers={"Authorization": "Bearer dead"})


def test_an_upload_streams_through_and_a_refused_one_stays_outside(gateway, upstream, sent):
    file = ("f.png", b"\x89PNG" + b"\0" * (20 * 1024 * 1024))
    made = postboost.MediaApi(client(gateway, token(gateway)[1])).upload_media(W1, file=file)
    assert made.uuid == "m"
    assert len(upstream.requests[-1][3]) > len(file[1])
    with pytest.raises(UnauthorizedException) as refusal:
        postboost.MediaApi(client(gateway, "dead")).upload_media(W1, file=file)
    assert said(refusal) == (401, {"message": "Unauthenticated."})
    assert sent() == 1


def operations():
    """Method, path, and whether it needs a token, of every operation that the package knows."""
    found = set()
    for source in Path(postboost.__file__).with_name("api").glob("*_api.py"):
        for operation in source.read_text().split("_auth_settings: List[str] = [")[1:]:
            needs = operation[: operation.index("]")].strip()
            method, path = re.search(r"method='(\w+)',\s+resource_path='([^']+)'", operation).groups()
            found.add((method, path, bool(needs)))
    return sorted(found)


def test_every_operation_of_the_package_needs_a_token_where_it_says_so_and_a_plan_in_every_workspace(another, sent):
    gateway = another(POSTBOOST_GUESTS="1000")
    workspaces(gateway)
    _, member = token(gateway)
    known = operations()
    assert len(known) > 200
    for method, path, needs in known:
        operation = f"{method} {path}"
        target = "/app/api" + re.sub(r"\{\w+\}", "x", path.replace("/{workspaceUuid}", f"/{NO_API}"))
        before = sent()
        status, _ = call(gateway, method, target, None)
        assert (status == 401, sent() - before) == ((True, 0) if needs else (False, 1)), operation
        before = sent()
        status, body = call(gateway, method, target, member)
        if path.startswith(("/{workspaceUuid}", "/panel")):
            assert (status, body, sent() - before) == (403, {"message": "Forbidden"}, 0), operation
        else:
            assert (status in (401, 403), sent() - before) == (False, 1), operation
    assert [needs for _, _, needs in known].count(False) == 43


def call(gateway, method, target, secret):
    """A call without the package: status, and body where there is one."""
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    asked = urllib.request.Request(gateway.url + target, method=method, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read() or b"null")
