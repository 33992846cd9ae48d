"""The main job on a real client: the product's own SDK, unchanged, through the gateway."""

import asyncio
import json

import pytest
from imbrace import AsyncImbraceClient, ImbraceClient
from imbrace.exceptions import AuthError

pytestmark = pytest.mark.filterwarnings("ignore:.*no credentials provided.*:UserWarning")


def reached_as(upstream, org, user):
    """The upstream was told this organisation and this user, each once, and no credential."""
    assert upstream.last("x-organization-id") == [org]
    assert upstream.last("x-user-id") == [user]
    assert len(upstream.last("x-request-id")) == 1
    for name in ("x-api-key", "x-access-token", "authorization"):
        assert upstream.last(name) == []


def run(call):
    """Runs one call of an asynchronous client to its end."""
    return asyncio.run(call())


def test_an_api_key_is_resolved_to_its_organisation_and_user(gateway, upstream, api_key):
    client = ImbraceClient(base_url=gateway.url, api_key=api_key)
    assert client.platform.get_me() == {"id": "u_1"}
    assert upstream.requests[-1][:2] == ("GET", "/platform/v1/users/_me")
    reached_as(upstream, "org_1", "u_1")


def test_an_api_key_works_with_the_asynchronous_client(gateway, upstream, api_key):
    async def call():
        client = AsyncImbraceClient(base_url=gateway.url, api_key=api_key)
        return await client.platform.get_me()

    assert run(call) == {"id": "u_1"}
    reached_as(upstream, "org_1", "u_1")


def test_a_key_and_a_token_each_bring_their_own_organisation(gateway, upstream, api_key, access_token):
    boards = {"data": [], "total": 0}
    assert ImbraceClient(base_url=gateway.url, api_key=api_key).boards.list() == boards
    assert upstream.requests[-1][:2] == ("GET", "/data-board/boards?limit=20&skip=0")
    reached_as(upstream, "org_1", "u_1")
    assert ImbraceClient(base_url=gateway.url, access_token=access_token).boards.list() == boards
    reached_as(upstream, "org_2", "u_2")


def test_a_token_works_with_the_asynchronous_client(gateway, upstream, access_token):
    async def call():
        client = AsyncImbraceClient(base_url=gateway.url, access_token=access_token)
        return await client.boards.list()

    assert run(call) == {"data": [], "total": 0}
    reached_as(upstream, "org_2", "u_2")


def test_one_client_makes_many_calls_over_its_connections(gateway, upstream, api_key, sent):
    client = ImbraceClient(base_url=gateway.url, api_key=api_key)
    for _ in range(20):
        client.boards.list()
        client.platform.get_me()
    assert sent() == 40


def test_an_unknown_key_is_the_sdks_own_authentication_error(gateway, sent):
    client = ImbraceClient(base_url=gateway.url, api_key="api_nobody_has_ever_seen_this_one")
    with pytest.raises(AuthError) as refusal:
        client.boards.list()
    assert refusal.value.status_code == 401
    assert json.loads(refusal.value.body)["code"] == "credential_invalid"
    assert sent() == 0


def test_an_unknown_token_is_so_too_with_the_asynchronous_client(gateway, sent):
    async def call():
        client = AsyncImbraceClient(base_url=gateway.url, access_token="acc_nobody_has_seen")
        return await client.boards.list()

    with pytest.raises(AuthError) as refusal:
        run(call)
    assert refusal.value.status_code == 401
    assert sent() == 0


def test_no_credential_is_the_sdks_own_authentication_error(gateway, sent):
    with pytest.raises(AuthError) as refusal:
        ImbraceClient(base_url=gateway.url).boards.list()
    assert refusal.value.status_code == 401
    assert json.loads(refusal.value.body)["code"] == "credential_missing"
    assert sent() == 0


def test_logging_in_needs_no_credential(gateway, upstream):
    client = ImbraceClient(base_url=gateway.url)
    client.request_otp("someone@example.com")
    assert upstream.requests[-1][1] == "/platform/v1/login/_signin_email_request"
    assert upstream.last("x-organization-id") == upstream.last("x-user-id") == []


def test_what_the_client_claims_never_reaches_the_upstream(gateway, upstream, api_key, access_token):
    claim = {"x-user-id": "u_EVIL", "X-Organization-Id": "org_EVIL"}
    url = f"{gateway.url}/platform/v1/users/_me"

    client = ImbraceClient(base_url=gateway.url, api_key=api_key, organization_id="org_EVIL")
    client.platform.get_me()
    reached_as(upstream, "org_1", "u_1")
    client.http.request("GET", url, headers=dict(claim))
    reached_as(upstream, "org_1", "u_1")

    # With a token and an organisation chosen, the SDK itself sends x-organization-id.
    client = ImbraceClient(base_url=gateway.url, access_token=access_token, organization_id="org_EVIL")
    client.boards.list()
    reached_as(upstream, "org_2", "u_2")
    client.http.request("GET", url, headers=dict(claim))
    reached_as(upstream, "org_2", "u_2")


def test_what_an_asynchronous_client_claims_never_reaches_the_upstream(gateway, upstream, access_token):
    async def call():
        client = AsyncImbraceClient(
            base_url=gateway.url, access_token=access_token, organization_id="org_EVIL"
        )
        await client.http.request("GET", f"{gateway.url}/platform/v1/users/_me", headers={"x-user-id": "u_EVIL"})

    run(call)
    reached_as(upstream, "org_2", "u_2")
