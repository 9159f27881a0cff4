"""Who reaches a sandbox, and what it reaches: nobody from other pages or machines, and nothing outside."""

import asyncio
import json
import logging
import os
import sys

import aiohttp
import pytest

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Robot

PAGES = ["/", "/static/chat.js", "/sandbox/state", "/sandbox/openapi.json", "/sandbox/scenarios", "/sandbox/events"]
OPEN = "/v1.0/gateway/connections/open"

WATCHED = """
import sys
def watch(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.getaddrinfo", "subprocess.Popen", "os.system"}:
        print("OUTBOUND", event, *map(str, arguments), flush=True)
sys.addaudithook(watch)
from actors.sandbox.__main__ import main
sys.exit(main([]))
"""


async def status(robot: Robot, method: str, path: str, **headers: str) -> int:
    async with robot.http.request(
        method, robot.url + path, json={} if method == "POST" else None, headers=headers
    ) as got:
        return got.status


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
async def test_a_page_from_elsewhere_reads_nothing(robot: Robot, path: str, origin: str) -> None:
    own = robot.url.rpartition(":")[2]
    assert await status(robot, "GET", path, Origin=origin.format(port=own)) == 403


@pytest.mark.parametrize("path", PAGES)
async def test_a_name_that_was_bound_to_this_machine_opens_nothing(robot: Robot, path: str) -> None:
    assert await status(robot, "GET", path, Host="evil.example") == 403
    assert await status(robot, "GET", path, Host="evil.example:8080", Origin="http://evil.example:8080") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_a_browser_says_to_be_of_another_page_is_refused(robot: Robot, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert {await status(robot, "GET", path, **headers) for path in PAGES if path != "/"} == {403}
    assert await status(robot, "POST", "/sandbox/heal", **headers) == 403
    assert await status(robot, "POST", OPEN, **headers) == 403


async def test_a_link_from_elsewhere_leads_to_the_page_which_no_other_frames(robot: Robot) -> None:
    async with robot.http.get(f"{robot.url}/", headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status == 200
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_our_own_page_and_the_person_at_the_browser_may(robot: Robot, site: str) -> None:
    assert await status(robot, "GET", "/sandbox/state", **{"Sec-Fetch-Site": site}) == 200
    assert await status(robot, "POST", "/sandbox/heal", Origin=robot.url, **{"Sec-Fetch-Site": site}) == 200


async def test_a_page_at_a_name_that_was_bound_to_this_machine_cannot_play_a_robot(robot: Robot) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert await status(robot, "POST", OPEN, **headers) == 403
    assert await status(robot, "GET", "/connect?ticket=t", **headers) == 403


async def test_a_socket_of_a_page_from_elsewhere_is_not_opened(robot: Robot, sandbox: Sandbox) -> None:
    grant = (await robot.open()).body
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await robot.http.ws_connect(
            grant["endpoint"], params={"ticket": grant["ticket"]}, headers={"Origin": "http://evil.example"}
        )
    assert not sandbox.online(ROBOT)


async def test_whoever_can_be_reached_from_elsewhere_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with Sandbox("0.0.0.0"):
            pass
    assert [record.message.partition(":")[0] for record in caplog.records] == ["SANDBOX_HOST=0.0.0.0"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_nobody_is_warned_on_loopback(caplog: pytest.LogCaptureFixture, host: str) -> None:
    with caplog.at_level(logging.WARNING):
        async with Sandbox(host):
            pass
    assert not caplog.records


async def test_a_program_that_listens_everywhere_says_so_on_stderr_and_a_child_too() -> None:
    environment = {**os.environ, "SANDBOX_HOST": "0.0.0.0", "SANDBOX_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "actors.sandbox", "--child"),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(b""), 60)
    assert b"SANDBOX_HOST=0.0.0.0: whoever reaches http://127.0.0.1:" in errors


async def test_a_sandbox_in_use_reaches_out_to_nothing() -> None:
    environment = {**os.environ, "SANDBOX_HOST": "127.0.0.1", "SANDBOX_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCHED, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()[-1]
    async with Robot.at(url) as robot, robot.line() as line:
        said = {"robot": ROBOT, "text": "![](http://evil.example/a.png) [link](http://evil.example)"}
        await robot.call("POST", "/sandbox/say", said)
        data = await line.message()
        await robot.call("POST", data["sessionWebhook"], {"msgtype": "link", "link": {"title": "t", "text": "x"}})
        await robot.create("c1")
        await robot.stream("c1", said["text"], isFinalize=True)
        attached = {"data": "aGk=", "name": "http://evil.example/a.txt"}
        code = (await robot.call("POST", "/sandbox/attach", attached)).body["downloadCode"]
        await robot.call("POST", "/v1.0/robot/messageFiles/download", {"robotCode": ROBOT, "downloadCode": code})
        async with robot.http.get(f"{url}/sandbox/events") as events:
            while not (told := await asyncio.wait_for(events.content.readline(), 20)).startswith(b"data:"):
                pass
            assert json.loads(told[5:])["entries"]
    process.terminate()
    rest = (await process.stdout.read()).decode()
    assert await process.wait() == 0
    assert "OUTBOUND" not in rest
