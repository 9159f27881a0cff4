"""An own certificate authority: trusted by gateway, OpenAPI and WebSocket alike, or named with what to do."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from actors.core.proxies import Proxies
from actors.dingtalk.network import Network, Unreachable, trusting
from actors.errors import ConnectionTrouble
from actors.sandbox.server import Sandbox
from tests.actors.conftest import connected, eventually, staged
from tests.dingtalk.gateway_script import Ear, scripted_line
from tests.network.conftest import Authority

TO_DO = "if an authority of your own has signed it, name the authority's file in SSL_CERT_FILE"


def over_tls(authority: Authority) -> Callable[[Sandbox], Awaitable[dict[str, str]]]:
    """Serve a sandbox with TLS too, and have it called so."""

    async def arrange(sandbox: Sandbox) -> dict[str, str]:
        assert sandbox._runner is not None
        await web.TCPSite(sandbox._runner, "127.0.0.1", 0, ssl_context=authority.server).start()
        return {"DINGTALK_OPENAPI_ENDPOINT": f"https://127.0.0.1:{sandbox._runner.addresses[-1][1]}"}

    return arrange


async def test_an_own_authority_is_trusted_for_every_connection(tmp_path: Path, authority: Authority) -> None:
    async with staged(tmp_path, None, over_tls(authority), SSL_CERT_FILE=authority.file) as stage:
        await connected(stage)
        await stage.ask("你好")
        (card,) = await stage.finished()
        assert card.text == "您说：你好"


async def test_an_authority_that_nobody_knows_is_told_with_what_to_do(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with staged(tmp_path, None, over_tls(authority)) as stage:

        async def told() -> bool:
            actions = {getattr(record, "action", "") for record in caplog.records}
            return {"connection_waiting", "token_missing"} <= actions

        await eventually(told)
        assert "unreachable" in (await stage.get("/readyz"))[1]
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 2
    assert all("its certificate is not trusted (" in line and TO_DO in line for line in lines)


async def test_a_websocket_whose_authority_nobody_knows_is_told_with_what_to_do(authority: Authority) -> None:
    async with scripted_line() as line:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server).start()
        line.platform.answer["endpoint"] = f"wss://127.0.0.1:{runner.addresses[0][1]}/connect"
        with pytest.raises(ConnectionTrouble) as caught:
            await line.gateway().serve(Ear())
        await runner.cleanup()
    assert caught.value.reason == "unreachable"
    assert TO_DO in caught.value.detail


async def test_a_certificate_of_somebody_else_is_told(tmp_path: Path, authority: Authority) -> None:
    elsewhere = trustme.CA()
    elsewhere.cert_pem.write_to_path(tmp_path / "ca.pem")
    network = Network(Proxies(), trusting(str(tmp_path / "ca.pem")))
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server).start()
    port = runner.addresses[0][1]
    with pytest.raises(Unreachable, match=rf"^127\.0\.0\.1:{port}: its certificate is not trusted \("):
        await network.session.get(f"https://127.0.0.1:{port}/")
    await network.close()
    await runner.cleanup()


def test_an_own_authority_is_trusted_beside_those_of_the_system(authority: Authority) -> None:
    own, systems = trusting(authority.file).get_ca_certs(), trusting(None).get_ca_certs()
    assert len(own) == len(systems) + 1
