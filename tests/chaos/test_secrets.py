"""No secret gets out, whatever breaks: a troubled quarter of a minute at LOG_LEVEL=DEBUG, then all that the processes
wrote and showed is looked through for what was planted and what the sandbox handed out."""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from actors import service
from actors.redaction import hide
from tests.actors.conftest import closed
from tests.chaos.cast import LEAKS
from tests.chaos.conftest import Place, Running
from tests.chaos.secrets import TELLING, Secrets

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
    quoting = f"{'x' * 180} {CLIENT} is not a good secret"  # what is cut off after 200 characters must be clean by then
    sandbox.fail("open", status=401, code="authFailed", message=quoting, times=2)
    sandbox.fail("token", status=400, code="invalidClientIdOrSecret", message=quoting)
    serving = await place.serve(**settings)
    place.ask("2x0.01", sender="first")
    await ends(place, 1)
    await secrets.fetch(serving)

    secrets.learn()
    (token,) = sandbox._tokens._granted
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
    await written(serving, "frame_malformed")
    sandbox.fail("open", status=503, message=quoting)
    sandbox.fail("connect", status=400, message=quoting)
    before = len(sandbox.connections)
    sandbox.abort(place.robot)
    await sandbox.until(lambda: len(sandbox.connections) > before and sandbox.online(place.robot), 30.0)
    with full_disk(serving):
        place.ask("nobody stores this", sender="unlucky")
        await written(serving, "message_not_stored")
        await secrets.fetch(serving)

    place.ask("held", sender="held")
    await place.card("held")
    serving.kill(signal.SIGUSR1)
    await sandbox.until(lambda: "most recent call first" in "".join(serving.errors), 30.0)
    serving.kill(signal.SIGTERM)
    assert await serving.ended() == 0
    crashing = await place.serve(**settings)
    crashing.kill(signal.SIGABRT)
    assert await crashing.ended() == -signal.SIGABRT
    checking = await place.command("check", **settings)
    assert await checking.ended() == 0

    assert_that_it_was_trouble("".join(serving.output))
    assert secrets.leaks() == []


def test_the_termination_log_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "termination-log"
    told.touch()
    monkeypatch.setattr(service, "TERMINATION_LOG", told)
    hide(CLIENT)
    service._tell_kubernetes(70, f"the supervisor died: no such account {CLIENT}")
    assert told.read_text("utf-8") == "exit 70: the supervisor died: no such account ***\n"


def nested(secret: str) -> str:
    """JSON within a repr."""
    return repr(json.dumps({"secret": secret}))


def beginning(secret: str) -> str:
    """What is left of it after a cut."""
    return secret[:TELLING]


@pytest.mark.parametrize("spell", [str, json.dumps, quote, repr, nested, beginning])
async def test_the_checker_finds_a_secret_however_it_is_spelled(secrets: Secrets, spell: Callable[[str], str]) -> None:
    secrets.show("a page", f"so it is: {spell(CLIENT)}")
    (leak,) = {leak.partition(":")[0] for leak in secrets.leaks()}
    assert leak == "client secret in a page"


async def test_the_checker_looks_where_secrets_may_go(place: Place, secrets: Secrets) -> None:
    running = await place.run(
        sys.executable, "-c", f"import sys; print({CLIENT!r}); print({CLIENT!r}, file=sys.stderr)"
    )
    await running.ended()
    (place.folder / "left").write_text(CLIENT)
    places = [leak.partition(":")[0].removeprefix("client secret in ") for leak in secrets.leaks()]
    assert sorted(set(places)) == sorted({str(place.folder / "left"), "stdout of process 0", "stderr of process 0"})


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
def full_disk(serving: Running) -> Iterator[None]:
    """No file of a process can grow."""
    before = resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, before)


async def written(serving: Running, action: str) -> None:
    """Wait until a process has logged an action."""
    async with asyncio.timeout(30):
        while not any(f'"{action}"' in line for line in serving.output):  # noqa: ASYNC110 - a pipe tells no events
            await asyncio.sleep(0.02)


async def ends(place: Place, count: int) -> None:
    """Wait until so many questions have an end, on a card or beside it."""
    sandbox = place.sandbox
    await sandbox.until(lambda: sum(map(closed, sandbox.cards.values())) + len(sandbox.messages) >= count, 60.0)
