"""The main job on a real client: the product's own SDK, unchanged, through the gateway with the shipped file."""

import asyncio
import json
import threading
import urllib.error
import urllib.request

import pytest
from imbrace import AsyncImbraceClient, ImbraceClient
from imbrace.exceptions import AuthError, DataIqError
from imbrace.types.ai import CompletionInput, CompletionMessage

pytestmark = pytest.mark.filterwarnings("ignore:.*no credentials provided.*:UserWarning")

PRODUCT = "imbrace"

BOARDS = {"data": [], "total": 0}
ORGANIZATIONS = [{"organization_id": "org_1"}]

# By the paths that the services see behind the gateway.
ANSWERS = {
    ("GET", "/v1/users/_me"): {"id": "u_1"},
    ("GET", "/v1/account"): {"id": "u_1", "organization_id": "org_1"},
    ("GET", "/v1/organizations"): {"data": ORGANIZATIONS},
    ("GET", "/v2/organizations/_all"): {"data": ORGANIZATIONS},
    ("GET", "/api/boards"): BOARDS,
    ("POST", "/v1/login/_signin_email_request"): {},
}


def reached_as(upstream, org, user):
    """The upstream was told this organisation and this user, each once, and no credential."""
    told_as(upstream, org, user)
    for name in ("x-api-key", "x-access-token", "authorization"):
        assert upstream.last(name) == []


def told_as(upstream, org, user):
    assert upstream.last("x-organization-id") == [org]
    assert upstream.last("x-user-id") == [user]
    assert len(upstream.last("x-request-id")) == 1


@pytest.fixture(scope="module")
def api_key(gateway):
    """An API key of org_1, minted by the gateway."""
    return gateway.create(scheme="api-key", subject="u_1", org="org_1")[1]


@pytest.fixture(scope="module")
def access_token(gateway):
    """An access token of org_2 that the product has minted itself."""
    secret = "acc_8f14e45f-ceea-467f-a8f2-of-the-product"
    gateway.create(scheme="access-token", subject="u_2", org="org_2", secret=secret, lifetime="30d")
    return secret


def client(gateway, **state):
    return ImbraceClient(base_url=gateway.url, **state)


@pytest.fixture(params=["sync", "async"])
def call(request, gateway):
    """Makes one call with a client of either kind: `call(lambda client: client.boards.list(), api_key=…)`."""

    def synchronously(what, at=gateway, **state):
        with client(at, **state) as sdk:
            return what(sdk)

    def asynchronously(what, at=gateway, **state):
        async def run():
            async with AsyncImbraceClient(base_url=at.url, **state) as sdk:
                return await what(sdk)

        return asyncio.run(run())

    return synchronously if request.param == "sync" else asynchronously


def refusal(call, what, **state):
    with pytest.raises(AuthError) as raised:
        call(what, **state)
    return raised.value.status_code, json.loads(raised.value.body)


def get_me(sdk):
    return sdk.platform.get_me()


def list_boards(sdk):
    return sdk.boards.list()


# --- Keys and tokens -----------------------------------------------------------------------------------------------------


def test_a_key_is_resolved_to_its_organisation_and_user(call, upstream, api_key):
    assert call(get_me, api_key=api_key) == {"id": "u_1"}
    assert upstream.requests[-1][:2] == ("GET", "/v1/users/_me")
    told_as(upstream, "org_1", "u_1")
    # The platform looks at the credential itself: it has the one that was verified, and no other.
    assert upstream.last("x-api-key") == [api_key]
    assert upstream.last("x-access-token") == upstream.last("authorization") == []
    assert upstream.last("x-proxy") == ["app-gateway"]


def test_a_key_and_a_token_each_bring_their_own_organisation(call, upstream, api_key, access_token):
    assert call(list_boards, api_key=api_key) == BOARDS
    assert upstream.requests[-1][:2] == ("GET", "/api/boards?limit=20&skip=0")
    reached_as(upstream, "org_1", "u_1")
    assert call(list_boards, access_token=access_token) == BOARDS
    reached_as(upstream, "org_2", "u_2")


def test_one_client_makes_many_calls_over_its_connections(gateway, api_key, sent):
    with client(gateway, api_key=api_key) as sdk:
        for _ in range(20):
            sdk.boards.list()
            sdk.platform.get_me()
    assert sent() == 40


def test_a_read_only_key_cannot_write(call, gateway, sent):
    _, key = gateway.create(scheme="api-key", subject="u_1", org="org_1", grants={"/board": "read"})
    assert call(list_boards, api_key=key) == BOARDS
    status, body = refusal(call, lambda sdk: sdk.boards.create_item("brd_1", {"fields": {}}), api_key=key)
    request_id = body.pop("request_id")
    assert (status, body) == (403, {"error": "Forbidden", "message": "Write permission required for /board"})
    assert len(request_id) == 36
    assert sent() == 1


def test_an_unknown_key_is_the_sdks_own_authentication_error(call, sent):
    status, body = refusal(call, list_boards, api_key="api_nobody_has_ever_seen_this_one")
    assert (status, body["error"], body["message"]) == (401, "Unauthorized", "Invalid API key")
    assert sent() == 0


def test_an_unknown_token_is_so_too_in_its_own_words(call, sent):
    assert refusal(call, list_boards, access_token="acc_nobody_has_seen") == (401, {"message": "Unauthorized"})
    assert sent() == 0


def test_no_credential_is_the_sdks_own_authentication_error(call, sent):
    expected = {"message": "Unauthorized - API key or Access Token required"}
    assert refusal(call, list_boards) == (401, expected)
    assert sent() == 0


def test_what_the_client_claims_never_reaches_the_upstream(call, gateway, upstream, api_key, access_token):
    claim = {"x-user-id": "u_EVIL", "X-Organization-Id": "org_EVIL", "x-user-email": "evil@example.com"}
    url = f"{gateway.url}/data-board/boards"
    call(list_boards, api_key=api_key, organization_id="org_EVIL")
    reached_as(upstream, "org_1", "u_1")
    call(lambda sdk: sdk.http.request("GET", url, headers=dict(claim)), api_key=api_key)
    reached_as(upstream, "org_1", "u_1")
    # With a token and an organisation chosen, the SDK itself sends x-organization-id.
    call(list_boards, access_token=access_token, organization_id="org_EVIL")
    reached_as(upstream, "org_2", "u_2")
    call(lambda sdk: sdk.http.request("GET", url, headers=dict(claim)), access_token=access_token)
    reached_as(upstream, "org_2", "u_2")
    assert upstream.last("x-user-email") == []


# --- Logging in ----------------------------------------------------------------------------------------------------------


def answer_json(handler, status, body):
    text = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)


@pytest.fixture
def platform(gateway, upstream, request):
    """The platform's part in a login: it registers each token that it hands out before it answers."""
    minted = request.node.name.translate(str.maketrans("[]", "--"))
    login, access = f"login_acc_{minted}", f"acc_{minted}"

    def authenticate(handler):
        gateway.create(scheme="login-token", subject="u_1", secret=login, lifetime="3h")
        answer_json(handler, 200, {"token": login, "organizations": ORGANIZATIONS})

    def exchange(handler):
        gateway.create(scheme="access-token", subject="u_1", org="org_1", secret=access, lifetime="30d")
        gateway.admin("POST", "revocations?wait=all", {"api": PRODUCT, "secret": login})
        answer_json(handler, 200, {"token": access, "refresh_token": "rtk_z"})

    upstream.answers["POST", "/v1/login/authenticate"] = authenticate
    upstream.answers["POST", "/v1/access/_exchange_access_token"] = exchange
    return {"login": login, "access": access}


async def settled(value):
    """What a call of an asynchronous client comes to; of the other it is there already."""
    return await value if asyncio.iscoroutine(value) else value


def steps(script):
    """A script of several calls, for a client of either kind."""

    def run(sdk):
        coroutine = script(sdk)
        if isinstance(sdk, AsyncImbraceClient):
            return coroutine
        return asyncio.run(coroutine)

    return run


def test_a_user_logs_in_chooses_an_organisation_and_works_in_it(call, upstream, platform):
    @steps
    async def script(sdk):
        await settled(sdk.request_otp("user@example.com"))
        assert upstream.requests[-1][1] == "/v1/login/_signin_email_request"
        assert upstream.last("x-organization-id") == upstream.last("x-user-id") == []
        await settled(sdk.login_with_otp("user@example.com", "123456"))
        assert upstream.requests[-1][1] == "/v1/login/authenticate"

        # The page's own example: the first call with the token that the login was answered with.
        assert await settled(sdk.platform.get_me()) == {"id": "u_1"}
        assert upstream.last("x-user-id") == ["u_1"]
        assert upstream.last("x-organization-id") == []
        assert upstream.last("x-access-token") == [platform["login"]]
        with pytest.raises(AuthError) as refused:
            await settled(sdk.boards.list())
        assert json.loads(refused.value.body) == {"message": "Unauthorized - missing organization context"}

        await settled(sdk.organizations.list())
        assert upstream.requests[-1][1] == "/v1/organizations?limit=10&skip=0"
        assert upstream.last("x-access-token") == [platform["login"]]
        await settled(sdk.select_organization("org_1"))
        assert upstream.requests[-1][1] == "/v1/access/_exchange_access_token"
        assert upstream.last("x-access-token") == [platform["login"]]
        assert upstream.last("x-organization-id") == []

        assert (await settled(sdk.account.get())).id == "u_1"
        told_as(upstream, "org_1", "u_1")
        await settled(sdk.organizations.list())
        assert upstream.requests[-1][1] == "/v2/organizations/_all"
        assert await settled(sdk.boards.list()) == BOARDS
        reached_as(upstream, "org_1", "u_1")

        sdk.set_access_token(platform["login"])
        with pytest.raises(AuthError):
            await settled(sdk.platform.get_me())
        sdk.clear_access_token()
        with pytest.raises(AuthError) as refused:
            await settled(sdk.boards.list())
        expected = {"message": "Unauthorized - API key or Access Token required"}
        assert json.loads(refused.value.body) == expected

    call(script)


def test_a_password_login_may_answer_with_an_access_token_at_once(call, gateway, upstream, request):
    secret = "acc_" + request.node.name.translate(str.maketrans("[]", "--"))

    def authenticate(handler):
        gateway.create(scheme="access-token", subject="u_3", org="org_3", secret=secret, lifetime="30d")
        answer_json(handler, 200, {"accessToken": secret})

    upstream.answers["POST", "/v1/login/authenticate"] = authenticate

    @steps
    async def script(sdk):
        await settled(sdk.login("user@example.com", "password123"))
        assert await settled(sdk.boards.list()) == BOARDS
        reached_as(upstream, "org_3", "u_3")

    call(script)


# --- Keys made by the product ---------------------------------------------------------------------------------------------


def test_a_new_key_works_at_once_and_a_deleted_one_no_longer(call, gateway, upstream, api_key, request):
    secret = "api_" + request.node.name.translate(str.maketrans("[]", "--"))

    def make(handler):
        gateway.create(
            scheme="api-key", subject="u_1", org="org_1", secret=secret, external_id=secret, lifetime="30d"
        )
        key = {"_id": secret, "token": secret, "organization_id": "org_1", "user_id": "u_1", "is_active": True}
        answer_json(handler, 201, {"apiKey": key, "expires_in": 2592000})

    def delete(handler):
        gateway.admin("POST", "revocations?wait=all", {"api": PRODUCT, "external_id": secret})
        answer_json(handler, 200, {})

    upstream.answers["POST", "/v1/third_party_token"] = make
    upstream.answers["DELETE", f"/v1/third_party_token/{secret}"] = delete

    with pytest.raises(AuthError):
        call(list_boards, api_key=secret)
    made = call(lambda sdk: sdk.api_keys.create({"name": "ci", "expirationDays": 30}), api_key=api_key)
    assert made["token"] == secret
    assert call(list_boards, api_key=secret) == BOARDS
    call(lambda sdk: sdk.api_keys.delete(secret), api_key=api_key)
    assert refusal(call, list_boards, api_key=secret)[0] == 401


def test_a_scoped_key_cannot_make_one_without_limits(call, gateway, sent):
    _, key = gateway.create(scheme="api-key", subject="u_1", org="org_1", grants={"/board": "edit"})
    for make in (lambda sdk: sdk.api_keys.create({"name": "ci"}), lambda sdk: sdk.auth.get_third_party_token(10)):
        status, body = refusal(call, make, api_key=key)
        assert (status, body["message"]) == (403, "No permission for /third_party_token")
    assert sent() == 0


# --- Limits, streams, upstreams' own answers -----------------------------------------------------------------------------


def test_over_the_limit_the_sdk_waits_and_succeeds(call, another, sent):
    gateway = another(IMBRACE_MAX="1", IMBRACE_WINDOW="2s")
    _, key = gateway.create(scheme="api-key", subject="u_1", org="org_1")
    assert call(list_boards, at=gateway, api_key=key) == BOARDS
    asked = urllib.request.Request(f"{gateway.url}/data-board/boards", headers={"x-api-key": key})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=10)
    assert (refused.value.code, refused.value.headers["content-type"]) == (429, "text/plain; charset=utf-8")
    assert refused.value.headers["retry-after"] in ("1", "2")
    assert refused.value.read() == b"Too many requests. Please try again later."
    assert call(list_boards, at=gateway, api_key=key) == BOARDS
    assert sent() == 2
    statuses = [line["status"] for line in gateway.stop()]
    assert statuses.count(200) == 2 and set(statuses) == {200, 429}


@pytest.mark.parametrize("credential", ["access_token", "api_key"])
def test_an_answer_that_streams_arrives_piece_by_piece(gateway, upstream, credential, request):
    secret = request.getfixturevalue(credential)
    seen = [threading.Event() for _ in range(3)]

    def stream(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for number, event in enumerate(seen):
            chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": str(number)}}]}
            handler.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            handler.wfile.flush()
            # The next piece comes only once the client has this one.
            assert event.wait(20)
        handler.wfile.write(b"data: [DONE]\n\n")
        handler.close_connection = True

    upstream.answers["POST", "/v3/ai/completions"] = stream
    asked = CompletionInput(model="m", messages=[CompletionMessage(role="user", content="x")])

    def told(number, chunk):
        assert chunk.choices[0].delta.content == str(number)
        seen[number].set()

    with client(gateway, **{credential: secret}) as sdk:
        for number, chunk in enumerate(sdk.ai.stream(asked)):
            told(number, chunk)
    assert all(event.is_set() for event in seen)
    reached_as(upstream, *(("org_2", "u_2") if credential == "access_token" else ("org_1", "u_1")))

    async def asynchronously():
        async with AsyncImbraceClient(base_url=gateway.url, **{credential: secret}) as sdk:
            number = 0
            async for chunk in sdk.ai.stream(asked):
                told(number, chunk)
                number += 1

    for event in seen:
        event.clear()
    asyncio.run(asynchronously())
    assert all(event.is_set() for event in seen)


def test_an_upstreams_own_refusals_arrive_as_they_were_sent(call, upstream, api_key):
    for status, code in ((403, "read_only"), (402, "plan_limit")):
        body = f'{{"code":"{code}",  "message":"of the service itself"}}'.encode()
        upstream.answers["GET", "/api/v2/boards"] = (status, body)
        with pytest.raises(DataIqError) as refused:
            call(lambda sdk: sdk.dataiq.boards.list(), api_key=api_key)
        assert refused.value.code == code


def test_a_token_that_looks_like_a_jwt_and_is_none_of_ours_is_refused(call, sent):
    status, body = refusal(call, list_boards, access_token="eyJhbGciOi.eyJzdWIi.c2ln", organization_id="org_1")
    assert (status, body) == (401, {"message": "Unauthorized"})
    assert sent() == 0
