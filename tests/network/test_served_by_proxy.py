"""The whole service behind a proxy: connected, asked, and a card comes out, with no way around the proxy."""

import logging
from pathlib import Path

import pytest

from actors import parts
from actors.dingtalk.ban import Ban
from actors.sandbox.server import Sandbox
from tests.actors.conftest import Stage, connected, eventually, staged
from tests.dingtalk.conftest import Clock
from tests.network.conftest import ANYWHERE, Authority, MakeProxy, any_proxy, behind, name_behind, staged_behind

BAN_PAGE = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}


async def answers(stage: Stage, text: str = "你好", count: int = 1) -> None:
    """Ask, and see the card that comes of it."""
    await stage.ask(text)
    cards = await stage.finished(count)
    assert cards[-1].text == f"您说：{text}"


def told(caplog: pytest.LogCaptureFixture, action: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "action", "") == action]


@any_proxy
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_question_is_answered_through_a_proxy(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, kind: str, secure: bool
) -> None:
    async with make_proxy(kind) as proxy, staged_behind(tmp_path, proxy, authority, secure=secure) as stage:
        await connected(stage)
        await answers(stage)
        # There is no other way to that name, so that whatever came back came through here.
        assert set(proxy.passed) == {f"{name_behind(proxy)}:{443 if secure else 80}"}
        assert len(proxy.passed) >= 2


async def test_a_message_by_session_webhook_goes_through_the_proxy_too(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy
) -> None:
    async with make_proxy("http") as proxy, staged_behind(tmp_path, proxy, authority, secure=True) as stage:
        await connected(stage)
        stage.sandbox.say("你好", robot=stage.robot, sender="out", staff=False)
        await stage.sandbox.until(lambda: stage.said_to("out"))
        assert stage.said_to("out") == ["您说：你好"]


async def test_what_is_attached_comes_through_the_proxy_too(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy
) -> None:
    reader = {"AGENT": "python:tests.actors.test_messages:reader"}
    async with make_proxy("http") as proxy, staged_behind(tmp_path, proxy, authority, secure=True, **reader) as stage:
        await connected(stage)
        code = stage.sandbox.attach(b"a receipt", "beleg.pdf")
        stage.sandbox.say("", robot=stage.robot, sender="zhang", msgtype="file", content={"downloadCode": code})
        (card,) = await stage.finished()
        assert card.text == "看到 1 个附件："


@pytest.mark.parametrize(
    ("variable", "kind"),
    [("HTTP_PROXY", "http"), ("http_proxy", "https"), ("ALL_PROXY", "socks5"), ("all_proxy", "socks5h")],
)
async def test_what_no_proxy_spares_is_reached_without_one(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, variable: str, kind: str
) -> None:
    async def anywhere(sandbox: Sandbox) -> dict[str, str]:
        return {"DINGTALK_OPENAPI_ENDPOINT": sandbox.url.replace("127.0.0.1", ANYWHERE)}

    async with make_proxy(kind) as proxy:
        environment = {variable: proxy.url, "NO_PROXY": f"corp.test,{ANYWHERE}", "SSL_CERT_FILE": authority.file}
        async with staged(tmp_path, None, anywhere, **environment) as stage:
            await connected(stage)
            await answers(stage)
        assert proxy.passed == []


async def test_this_machine_is_reached_without_a_proxy(tmp_path: Path, make_proxy: MakeProxy) -> None:
    async with make_proxy("http") as proxy, staged(tmp_path, ALL_PROXY=proxy.url) as stage:
        await connected(stage)
        await answers(stage)
        assert proxy.passed == []


@any_proxy
async def test_a_proxy_that_goes_is_waited_for_until_it_comes_back(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.INFO)
    async with make_proxy(kind) as proxy, staged_behind(tmp_path, proxy, authority, secure=True) as stage:
        await connected(stage)
        await answers(stage)
        await proxy.stop()

        async def tried_in_vain() -> bool:
            return await stage.metric('dingtalk_stream_restarts_total{reason="unreachable",{robot}}') >= 3

        await eventually(tried_in_vain)
        assert not await stage.ready()
        await proxy.start()
        await connected(stage)
        await answers(stage, "又来了", 2)
    lost = told(caplog, "connection_waiting")[-1]
    assert f"{name_behind(proxy)}:443 through HTTPS_PROXY ({proxy.scheme}://127.0.0.1:" in lost


async def test_a_proxys_password_is_never_logged(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with make_proxy("http with password") as proxy:
        url, proxy.password = proxy.url, "changed"
        async with staged_behind(tmp_path, proxy, authority, secure=True, HTTPS_PROXY=url) as stage:

            async def turned_away() -> bool:
                return proxy.denied >= 3

            await eventually(turned_away)
            assert "door-word" not in (await stage.get("/status"))[1]
    assert any("it wants a user and a password" in line for line in told(caplog, "connection_waiting"))
    assert "door-word" not in "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", ["http with password", "https", "socks5", "socks5h"])
async def test_a_ban_is_waited_out_without_asking_and_then_the_robot_serves(
    tmp_path: Path, authority: Authority, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    clock = Clock()
    monkeypatch.setattr(parts, "Ban", lambda: Ban(clock))

    async def banned(sandbox: Sandbox) -> dict[str, str]:
        sandbox.fail("open", status=403, body=BAN_PAGE)
        return await behind(proxy, authority, secure=True)(sandbox)

    async with make_proxy(kind) as proxy:
        environment = {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": authority.file}
        async with staged(tmp_path, None, banned, **environment) as stage:

            async def tried() -> bool:
                return await stage.metric('dingtalk_stream_restarts_total{reason="unavailable",{robot}}') >= 5

            await eventually(tried)
            assert [call.api for call in stage.sandbox.calls].count("open") == 1
            clock.now = 300.0
            await connected(stage)
            await answers(stage)
