"""Attachments: a download code becomes a temporary address, and the address a file, or trouble."""

import asyncio
from typing import Any

import aiohttp
import pytest

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Answer, Line, Robot

PICTURE = bytes(range(256)) * 400


async def exchange(robot: Robot, code: str, **changes: Any) -> Answer:
    body = {"downloadCode": code, "robotCode": ROBOT} | changes
    return await robot.call("POST", "/v1.0/robot/messageFiles/download", body)


async def address(robot: Robot, sandbox: Sandbox) -> str:
    """Where a picture that somebody attached can be had."""
    code = sandbox.attach(PICTURE, "a.png", "image/png")
    return str((await exchange(robot, code)).body["downloadUrl"])


async def get(robot: Robot, url: str) -> tuple[int, bytes, str]:
    async with robot.http.get(url) as response:
        return response.status, await response.read(), response.content_type


async def test_what_a_person_attaches_can_be_downloaded(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    code = sandbox.attach(PICTURE, "a.png", "image/png")
    sandbox.say("", robot=ROBOT, msgtype="picture", content={"downloadCode": code})
    received = (await line.message())["content"]["downloadCode"]
    granted = await exchange(robot, received)
    assert set(granted.body) == {"downloadUrl"}
    assert await get(robot, granted.body["downloadUrl"]) == (200, PICTURE, "image/png")


async def test_files_have_codes_of_their_own(robot: Robot, sandbox: Sandbox) -> None:
    codes = [sandbox.attach(data, "a.txt") for data in (b"one", b"two")]
    urls = [(await exchange(robot, code)).body["downloadUrl"] for code in codes]
    assert [(await get(robot, url))[1] for url in urls] == [b"one", b"two"]


async def test_an_address_is_below_the_name_that_the_robot_knows(robot: Robot, sandbox: Sandbox) -> None:
    assert (await address(robot, sandbox)).startswith(f"{sandbox.url}/file/")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"downloadCode": None}, "invalidParameter.robotCode.empty"),
        ({"robotCode": None}, "invalidParameter.robotCode.empty"),
        ({"robotCode": "another"}, "invalidParameter.robotCode.auth"),
        ({"downloadCode": "made-up"}, "invalidParameter.robotCode.downloadCode"),
    ],
)
async def test_a_wrong_exchange_is_refused(robot: Robot, sandbox: Sandbox, changes: dict[str, Any], code: str) -> None:
    refused = await exchange(robot, sandbox.attach(b"data", "a.txt"), **changes)
    assert (refused.status, refused.code) == (400, code)


async def test_the_life_of_a_code_is_a_rule(robot: Robot, sandbox: Sandbox) -> None:
    code = sandbox.attach(b"data", "a.txt")
    sandbox.rules.download_code_life = 0.0
    assert (await exchange(robot, code)).code == "invalidParameter.robotCode.downloadCode"


async def test_the_life_of_an_address_is_a_rule(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.rules.download_url_life = 0.0
    assert (await get(robot, url))[0] == 403


async def test_an_address_that_is_made_up_is_refused(robot: Robot) -> None:
    assert (await get(robot, f"{robot.url}/file/made-up"))[0] == 403


async def test_a_file_is_no_page_of_the_sandbox(robot: Robot, sandbox: Sandbox) -> None:
    code = sandbox.attach(b"<script>alert(1)</script>", "a.html", "text/html")
    async with robot.http.get((await exchange(robot, code)).body["downloadUrl"]) as response:
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["Content-Security-Policy"] == "sandbox"


async def test_old_files_are_forgotten(robot: Robot, sandbox: Sandbox) -> None:
    first = sandbox.attach(b"first", "a.txt")
    for number in range(500):
        sandbox.attach(b"later", f"{number}.txt")
    assert (await exchange(robot, first)).status == 400


# Trouble


async def test_trouble_with_an_exchange_goes_by_its_name(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("download", status=500)
    code = sandbox.attach(b"data", "a.txt")
    assert [(await exchange(robot, code)).status for _ in range(2)] == [500, 200]


async def test_a_file_can_be_refused(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.fail("file", status=404, match={"name": "a.png"})
    assert [(await get(robot, url))[0] for _ in range(2)] == [404, 200]


async def test_a_file_can_hang_from_the_beginning(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.fail("file", hang=True)
    waiting = asyncio.create_task(get(robot, url))
    await sandbox.until(lambda: sandbox.calls[-1].api == "file")
    assert not waiting.done()
    waiting.cancel()


async def test_a_file_can_hang_in_the_middle(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.fail("file", hang=True, applied=True)
    async with robot.http.get(url) as response:
        assert await response.content.readexactly(len(PICTURE) // 2) == PICTURE[: len(PICTURE) // 2]
        rest = asyncio.ensure_future(response.content.read(1))
        assert (await asyncio.wait([rest], timeout=0.1))[0] == set()
        rest.cancel()


async def test_a_file_can_be_cut_in_the_middle(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.fail("file", reset=True, applied=True)
    with pytest.raises(aiohttp.ClientError):
        await get(robot, url)


async def test_a_file_can_be_slow(robot: Robot, sandbox: Sandbox) -> None:
    url = await address(robot, sandbox)
    sandbox.fail("file", delay=0.1, applied=True)
    assert (await get(robot, url))[1] == PICTURE
    assert (sandbox.calls[-1].seconds or 0.0) >= 0.1


@pytest.mark.parametrize("told", [True, False])
async def test_whether_a_file_tells_its_length_is_a_rule(robot: Robot, sandbox: Sandbox, told: bool) -> None:
    sandbox.rules.file_length_told = told
    async with robot.http.get(await address(robot, sandbox)) as response:
        assert response.content_length == (len(PICTURE) if told else None)
        assert await response.read() == PICTURE


async def test_a_download_is_recorded(robot: Robot, sandbox: Sandbox) -> None:
    await get(robot, await address(robot, sandbox))
    call = await sandbox.until(lambda: sandbox.calls[-1] if sandbox.calls[-1].status else None)
    assert (call.api, call.robot, call.body, call.status) == ("file", ROBOT, {"name": "a.png"}, 200)


# What robots upload


async def upload(robot: Robot, token: str, kind: str = "image", data: bytes = b"png") -> dict[str, Any]:
    """The answer to an upload of a picture."""
    form = aiohttp.FormData({"type": kind})
    form.add_field("media", data, filename="a.png", content_type="image/png")
    async with robot.http.post(f"{robot.url}/media/upload", params={"access_token": token}, data=form) as response:
        assert response.status == 200
        return dict(await response.json())


async def test_an_upload_is_kept_under_its_media_id(robot: Robot, sandbox: Sandbox) -> None:
    answer = await upload(robot, robot.token)
    assert (answer["errcode"], answer["type"]) == (0, "image")
    kept = sandbox.uploads[answer["media_id"]]
    assert (kept.data, kept.name, kept.kind) == (b"png", "a.png", "image/png")
    assert (sandbox.calls[-1].api, sandbox.calls[-1].robot) == ("upload", ROBOT)


async def test_an_upload_without_a_good_token_is_refused_with_http_200(robot: Robot, sandbox: Sandbox) -> None:
    assert (await upload(robot, "made-up"))["errcode"] == 40014
    assert not sandbox.uploads


async def test_an_upload_of_nothing_or_of_no_known_kind_is_refused(robot: Robot, sandbox: Sandbox) -> None:
    assert (await upload(robot, robot.token, data=b""))["errcode"] == 40004
    assert (await upload(robot, robot.token, kind="program"))["errcode"] == 40004
    async with robot.http.post(f"{robot.url}/media/upload", params={"access_token": robot.token}) as response:
        assert (await response.json())["errcode"] == 40035
    assert not sandbox.uploads
