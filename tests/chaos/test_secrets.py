"""No secret gets out, whatever breaks: a troubled quarter of a minute at LOG_LEVEL=DEBUG, then all that the processes
wrote and showed is looked through for what was planted and what the sandbox handed out."""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.actors.conftest import closed
from tests.chaos.cast import LEAKS
from tests.chaos.conftest import Place, Running
from tests.chaos.secrets import Secrets

CLIENT = 'geheim-"client"\\%/ü 0815'
PROXY = "geheim:proxy@4711"
SIGNATURE = "geheim-signature-of-a-file"
SESSION = "geheim-session-of-elsewhere"
CARELESS = ("raise", "tear", "log", "warn", "thread", "forget", "drop")


@pytest.fixture
def secrets(place: Place) -> Secrets:
    place.sandbox._world.robots[place.robot] = CLIENT
    return Secrets(place, {"client secret": CLIENT, "proxy": PROXY, "signature": SIGNATURE, "session": SESSION})


@pytest.fixture
def settings(place: Place) -> dict[str, str]:
    file = place.folder / "secret" / "client"
    file.parent.mkdir()
    file.write_text(CLIENT)
    return {
        "AGENT": "python:tests.chaos.cast:leaking",
        LEAKS: CLIENT,
        "DINGTALK_CLIENT_SECRET": "",
        "DINGTALK_CLIENT_SECRET_FILE": str(file),
        "HTTPS_PROXY": "http://kunde:geheim%3Aproxy%404711@127.0.0.1:1",
        "LOG_LEVEL": "DEBUG",
        "AGENT_RETRY_ATTEMPTS": "2",
        "AGENT_RETRY_INITIAL": "0.1",
        "OPENAPI_RETRY_INITIAL": "0.05",
        "OPENAPI_RETRY_JITTER": "0",
        "SHUTDOWN_GRACE": "0.2",
    }


async def test_no_secret_gets_out_of_a_troubled_service(
    place: Place, secrets: Secrets, settings: dict[str, str]
) -> None:
    sandbox = place.sandbox
    quoting = f"{'x' * 190} {CLIENT} is not a good secret"  # what is cut off after 200 characters must be clean by then
    sandbox.fail("open", status=401, code="authFailed", message=quoting, times=2)
    sandbox.fail("token", status=400, code="invalidClientIdOrSecret", message=quoting)
    service = await place.serve(**settings)
    place.ask("2x0.01", sender="first")
    await ends(place, 1)
    await secrets.fetch(service)

    secrets.learn()
    (token,) = sandbox._api._tokens
    sandbox.fail("create", status=500, code="system.error", message=f"{'x' * 180} {token} broke it")
    sandbox.fail("update", reset=True)
    sandbox.fail("streaming", status=400, code="param.error", message=token)
    for word in CARELESS:
        place.ask(word, sender=word)
    await ends(place, 1 + len(CARELESS))
    sandbox.expire_tokens()
    trouble_with_what_is_sent(place)
    await ends(place, 3 + len(CARELESS))
    for garbage in rubbish(place):
        sandbox.push_raw(place.robot, garbage)
    await written(service, "frame_malformed")
    sandbox.fail("open", status=503, message=quoting)
    sandbox.fail("connect", status=400, message=quoting)
    before = len(sandbox.connections)
    sandbox.abort(place.robot)
    await sandbox.until(lambda: len(sandbox.connections) > before and sandbox.online(place.robot), 30.0)
    with full_disk(service):
        place.ask("nobody stores this", sender="unlucky")
        await written(service, "message_not_stored")
        await secrets.fetch(service)

    place.ask("held", sender="held")
    await place.card("held")
    service.kill(signal.SIGUSR1)
    await sandbox.until(lambda: "most recent call first" in "".join(service.errors), 30.0)
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    crashing = await place.serve(**settings)
    crashing.kill(signal.SIGABRT)
    assert await crashing.ended() == -signal.SIGABRT
    checking = await place.run(sys.executable, "-m", "actors", "check", **settings)
    assert await checking.ended() == 0

    assert_that_it_was_trouble("".join(service.output))
    assert secrets.leaks() == []


def assert_that_it_was_trouble(output: str) -> None:
    """What should have told the secret did tell something."""
    for action in (
        *("connection_waiting", "agent_failed", "agent_failed", "uncaught_exception", "exception_ignored"),
        *("webhook_refused", "attachment_not_fetched", "frame_malformed", "message_not_stored", "token_missing"),
    ):
        assert f'"{action}"' in output, action
    assert output.count("***") > 10


def trouble_with_what_is_sent(place: Place) -> None:
    """A picture whose address is behind the proxy, and a word in a chat whose webhook leads elsewhere."""
    address = f"https://store.example/file?Signature={SIGNATURE}"
    place.sandbox.fail("download", status=200, body={"downloadUrl": address}, times=None)
    code = {"downloadCode": "d"}
    place.sandbox.say("", robot=place.robot, sender="picture", msgtype="picture", content=code)
    elsewhere = {"sessionWebhook": f"https://elsewhere.example/robot/sendBySession?session={SESSION}"}
    place.sandbox.say("/help", robot=place.robot, sender="helped", changes=elsewhere)


def rubbish(place: Place) -> Iterator[str]:
    """Frames that nobody can use, with secrets in every corner."""
    session = next(iter(place.sandbox._messages._sessions))
    for telling in (f"ticket={SESSION}", f"https://oapi.dingtalk.com/robot/sendBySession?session={session}"):
        yield telling
        yield json.dumps({"headers": {"messageId": telling}})
        yield json.dumps({"type": telling, "headers": {"topic": telling, "messageId": "m"}, "data": telling})
        yield json.dumps({"type": "CALLBACK", "headers": {"topic": "/v1.0/im/bot/messages/get", "messageId": telling}})


@contextmanager
def full_disk(service: Running) -> Iterator[None]:
    """No file of a process can grow."""
    before = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, before)


async def written(service: Running, action: str) -> None:
    """Wait until a process has logged an action."""
    async with asyncio.timeout(30):
        while not any(f'"{action}"' in line for line in service.output):  # noqa: ASYNC110 - a pipe tells no events
            await asyncio.sleep(0.02)


async def ends(place: Place, count: int) -> None:
    """Wait until so many questions have an end, on a card or beside it."""
    sandbox = place.sandbox
    await sandbox.until(lambda: sum(map(closed, sandbox.cards.values())) + len(sandbox.messages) >= count, 60.0)
