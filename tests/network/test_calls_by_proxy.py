"""Calls to DingTalk through a proxy: what they meet on the way, and the page for a banned address."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from yarl import URL

from actors.core.backoff import Backoff
from actors.core.proxies import Proxies, read_proxy
from actors.core.robot import FixedSecret, Robot
from actors.dingtalk import openapi as api
from actors.dingtalk.ban import Ban
from actors.dingtalk.network import Network, trusting
from actors.dingtalk.openapi import Api, OpenApi
from actors.dingtalk.quota import Quota
from actors.errors import CallFailed, Fault
from tests.dingtalk import scripted
from tests.dingtalk.conftest import no_store
from tests.dingtalk.scripted import Answer, DingTalk
from tests.network.conftest import Authority, MakeProxy, any_proxy, name_behind
from tests.network.proxies import Proxy

BAN_PAGE = Answer(403, '<html><script>{"status":1111,"punish":"deny"}</script></html>')


@pytest.fixture
async def dingtalk() -> AsyncIterator[DingTalk]:
    platform = DingTalk()
    runner = await platform.serve()
    yield platform
    platform.end()
    await runner.cleanup()


MakeOpenApi = Callable[[Proxy], OpenApi]


@pytest.fixture
async def openapi_by(dingtalk: DingTalk, authority: Authority) -> AsyncIterator[MakeOpenApi]:
    """Clients that call a DingTalk which only the proxy can find."""
    made: list[tuple[OpenApi, Network]] = []

    def make(proxy: Proxy) -> OpenApi:
        network = Network(Proxies(http=read_proxy("HTTP_PROXY", proxy.url)), trusting(authority.file))
        endpoint = dingtalk.url.replace("127.0.0.1", name_behind(proxy))
        robot = Robot("dingrobot", FixedSecret("the-robots-secret"), endpoint, "faq:", "template", "content")
        backoff = Backoff(initial=0.001, multiplier=2, maximum=0.01, jitter=0.001)
        openapi = OpenApi(
            robot,
            network.session,
            attempts=2,
            backoff=backoff,
            timeout=10,
            qps=20,
            quota=Quota(0, no_store),
            ban=Ban(),
        )
        made.append((openapi, network))
        return openapi

    yield make
    for openapi, network in made:
        await openapi.close()
        await network.close()


def calling(openapi: OpenApi, called: Api) -> Coroutine[Any, Any, object]:
    """A call of this API."""
    if called is api.TOKEN:
        return openapi.warm()
    if called is api.WEBHOOK:
        return openapi.reply(URL(f"{openapi.robot.endpoint}{scripted.WEBHOOK}?session=hush"), dict)
    return openapi.call(called, dict)


async def failure_of(call: Coroutine[Any, Any, object]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await call
    return caught.value


MESSAGES = [api.CREATE, api.STREAMING, api.UPDATE, api.OTO, api.GROUP, api.WEBHOOK]


@pytest.mark.parametrize("kind", ["http", "socks5h"])
@pytest.mark.parametrize("called", [*MESSAGES, api.TOKEN], ids=lambda called: called.name)
async def test_a_banned_address_is_known_by_any_call_and_no_other_is_sent(
    dingtalk: DingTalk, make_proxy: MakeProxy, openapi_by: MakeOpenApi, kind: str, called: Api
) -> None:
    async with make_proxy(kind) as proxy:
        openapi = openapi_by(proxy)
        if called is not api.TOKEN:
            await openapi.warm()
        dingtalk.always_answers(called.path or scripted.WEBHOOK, BAN_PAGE)
        failure = await failure_of(calling(openapi, called))
        assert (failure.api, failure.fault, failure.code) == (called.name, Fault.THROTTLED, "ipBanned")
        asked = len(dingtalk.asked)
        for other in MESSAGES:
            assert (await failure_of(calling(openapi, other))).code == "ipBanned"
        assert len(dingtalk.asked) == asked


@any_proxy
async def test_a_call_without_a_way_is_a_passing_fault_that_names_the_proxy(
    make_proxy: MakeProxy, openapi_by: MakeOpenApi, kind: str
) -> None:
    async with make_proxy(kind) as proxy:
        openapi = openapi_by(proxy)
    failure = await failure_of(openapi.warm())
    assert (failure.fault, failure.status, failure.code) == (Fault.TRANSIENT, 0, "noAnswer")
    assert f" through HTTP_PROXY ({proxy.scheme}://127.0.0.1:" in str(failure)
    assert "door-word" not in str(failure)


@any_proxy
async def test_calls_that_follow_one_another_go_through_the_proxy_each(
    dingtalk: DingTalk, make_proxy: MakeProxy, openapi_by: MakeOpenApi, kind: str
) -> None:
    async with make_proxy(kind) as proxy:
        openapi = openapi_by(proxy)
        for _ in range(3):
            await openapi.call(api.STREAMING, dict)
        assert len(dingtalk.to(scripted.STREAMING)) == 3
        assert set(proxy.passed) == {f"{name_behind(proxy)}:{URL(dingtalk.url).port}"}
