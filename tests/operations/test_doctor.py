"""`python -m actors doctor` against the sandbox: a process of its own, real HTTP, a real WebSocket."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.core.card import SDK_TEMPLATE
from actors.doctor import texts
from actors.doctor.findings import Step
from actors.doctor.screen import _places
from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.actors.conftest import OWN, PUBLIC, STANDARD, TEMPLATES, TEXT
from tests.chaos.nursery import Forked, fork
from tests.jaap.trees import plant, robot
from tests.network.conftest import NAME

ROOT = Path(__file__).parents[2]
ROBOT, SECRET = "dingpatient", "hush-hush-hush"
BAN = '{"status":1111,"wait":5,"source":"x5","punish":"deny"}'

Steps = dict[str, str]


@dataclass
class Examined:
    """What a doctor said, and how it ended."""

    code: int
    out: str
    err: str
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> Steps:
        """The steps that failed, with their advice."""
        return {step["step"]: step["advice"] for step in self.told if step.get("state") == "failed"}

    @property
    def skipped(self) -> Steps:
        """The steps that were skipped, with the reason, and what it is about."""
        return {
            step["step"]: f"{step['reason']} {step['about']}".strip()
            for step in self.told
            if step.get("state") == "skipped"
        }

    @property
    def well(self) -> list[str]:
        return [step["step"] for step in self.told if step.get("state") == "ok"]

    @property
    def total(self) -> dict[str, Any]:
        return self.told[-1]

    def step(self, name: str) -> dict[str, Any]:
        return next(step for step in self.told if step["step"] == name)


@asynccontextmanager
async def visiting(sandbox: Sandbox | None, *words: str, **settings: str) -> AsyncIterator[Forked]:
    """A doctor at work."""
    robot = {"DINGTALK_CLIENT_ID": ROBOT, "DINGTALK_CLIENT_SECRET": SECRET} if sandbox else {}
    endpoint = {"DINGTALK_OPENAPI_ENDPOINT": sandbox.url} if sandbox else {}
    base = {"PATH": os.environ["PATH"], "CARD_MIN_INTERVAL": "0", "COLUMNS": "80", "PYTHONWARNINGS": "error"}
    process = await fork(base | robot | endpoint | settings, "doctor", *words)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def said(process: Forked) -> Examined:
    """Wait for the end."""
    out, err = (text.decode() for text in await asyncio.wait_for(_both(process), 60))
    told = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return Examined(await process.wait(), out, err, told)


async def _both(process: Forked) -> tuple[bytes, bytes]:
    return await asyncio.gather(process.stdout.read(), process.stderr.read())


async def examined(sandbox: Sandbox | None, *words: str, **settings: str) -> Examined:
    """A whole visit, told to a script."""
    async with visiting(sandbox, "--json", *words, **settings) as process:
        return await said(process)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    rules = Rules(first_ping=0.02, redelivery_after=3600)
    async with Sandbox(robots={ROBOT: SECRET}, rules=rules, templates=TEMPLATES) as sandbox:
        yield sandbox


def the_card(sandbox: Sandbox) -> Card:
    (card,) = sandbox.cards.values()
    return card


# A healthy robot


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        (PUBLIC, ["create", "streaming", "streaming", "streaming", "update"]),
        (OWN, ["create", "streaming", "streaming", "update", "streaming", "update"]),
        (STANDARD, ["standard", "standard_update", "standard_update", "standard_update"]),
    ],
    ids=["public", "own", "standard"],
)
async def test_a_healthy_robot_passes_and_keeps_a_finished_card(
    sandbox: Sandbox, settings: dict[str, str], calls: list[str]
) -> None:
    visit = await examined(sandbox, "--to", "u1", **settings)
    card = the_card(sandbox)
    assert (visit.code, visit.failed) == (0, {})
    assert card.state is CardState.FINISHED
    assert [version.call for version in card.versions] == calls
    assert texts.FRAMES[-1] in card.text
    assert [message.text for message in sandbox.messages] == [texts.MESSAGE]
    assert visit.total["counted_calls"] == len(calls) + 1


async def test_all_steps_are_told_in_their_order(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1")
    cards = ["create", "streaming", "finalize", "update", "message", "permissions"]
    assert visit.well == ["settings", "network", "token", "stream", "ping", *cards]
    assert visit.skipped == dict.fromkeys(["heard", "webhook", "click"], "not_listening")


async def test_a_robot_without_cards_gets_its_message_alone(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1", **TEXT)
    assert visit.well == ["settings", "network", "token", "stream", "ping", "message", "permissions"]
    assert visit.skipped["create"] == "text_kind"
    assert not sandbox.cards


async def test_nobody_is_written_to_unless_named(sandbox: Sandbox) -> None:
    visit = await examined(sandbox)
    assert (visit.code, visit.well) == (0, ["settings", "network", "token", "stream", "ping"])
    assert {visit.skipped[step] for step in ("create", "streaming", "message")} == {"no_to"}
    assert (visit.skipped["permissions"], visit.total["counted_calls"]) == ("untried", 0)
    assert not sandbox.cards
    assert not sandbox.messages


async def test_the_connection_is_closed_with_a_close_frame(sandbox: Sandbox) -> None:
    await examined(sandbox)
    (connection,) = sandbox.connections
    assert connection.close_code == 1000


async def test_permissions_are_told_by_name(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1")
    assert (
        visit.step("permissions")["detail"] == "granted Card.Instance.Write, Card.Streaming.Write, qyapi_robot_sendmsg"
    )


# What can be wrong at DingTalk


async def test_a_wrong_secret_is_told(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1", DINGTALK_CLIENT_SECRET="another")
    assert (visit.code, visit.failed) == (1, {"token": "credentials", "stream": "credentials"})
    assert "凭证与基础信息" in visit.step("token")["zh"]


async def test_a_robot_that_is_not_in_stream_mode_is_told(sandbox: Sandbox) -> None:
    sandbox.fail("open", status=400, code="invalidParameter")
    visit = await examined(sandbox, "--to", "u1")
    assert (visit.code, visit.failed) == (1, {"stream": "not_stream"})


async def test_a_template_that_is_gone_is_told(sandbox: Sandbox) -> None:
    sandbox.withdraw(SDK_TEMPLATE)
    visit = await examined(sandbox, "--to", "u1")
    assert (visit.code, visit.failed) == (1, {"create": "template"})


async def test_somebody_who_cannot_be_reached_is_told_with_what_to_do(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "nobody")
    assert visit.failed == {"create": "not_delivered", "message": "staff_id"}
    assert "可见范围" in visit.step("create")["zh"]
    assert "员工 UserID" in visit.step("message")["en"]


async def test_what_dingtalk_said_is_told_and_which_permission_it_misses(sandbox: Sandbox) -> None:
    sandbox.revoke(ROBOT, "Card.Streaming.Write")
    step = (await examined(sandbox, "--to", "u1")).step("streaming")
    assert step["detail"].startswith("HTTP 403 Forbidden.AccessDenied.AccessTokenPermissionDenied: 应用尚未开通")
    assert step["about"] == "Card.Streaming.Write"
    assert "权限管理" in step["zh"]


async def test_what_needs_a_step_that_failed_is_skipped_and_the_rest_goes_on(sandbox: Sandbox) -> None:
    sandbox.fail("create", status=400, code="param.templateNotExist")
    visit = await examined(sandbox, "--to", "u1")
    assert {step: visit.skipped[step] for step in ("streaming", "finalize", "update")} == dict.fromkeys(
        ("streaming", "finalize", "update"), "needs create"
    )
    assert {"stream", "ping", "message", "permissions"} <= set(visit.well)


async def test_a_gateway_that_refuses_does_not_stop_the_card(sandbox: Sandbox) -> None:
    sandbox.fail("open", status=401, code="authFailed")
    visit = await examined(sandbox, "--to", "u1")
    assert visit.failed == {"stream": "credentials"}
    assert visit.skipped["ping"] == "needs stream"
    assert the_card(sandbox).state is CardState.FINISHED


async def test_a_card_that_cannot_be_streamed_is_ended_all_the_same(sandbox: Sandbox) -> None:
    sandbox.revoke(ROBOT, "Card.Streaming.Write")
    await examined(sandbox, "--to", "u1")
    assert the_card(sandbox).state is CardState.FINISHED


async def test_a_card_whose_creation_had_no_clear_answer_is_ended(sandbox: Sandbox) -> None:
    sandbox.fail("create", status=504, applied=True)
    visit = await examined(sandbox, "--to", "u1")
    assert visit.failed == {"create": "transient"}
    assert the_card(sandbox).state is CardState.FINISHED


async def test_a_ban_is_told_at_the_first_step_and_nothing_more_is_sent(sandbox: Sandbox) -> None:
    sandbox.fail("token", status=403, body=BAN)
    visit = await examined(sandbox, "--to", "u1")
    assert visit.failed == {"token": "banned", "stream": "banned"}
    assert [call.api for call in sandbox.calls] == ["token"]


# What can be wrong on the way

AFTER_NETWORK = {"token": "needs network", "stream": "needs network", "ping": "needs stream", "message": "needs token"}


async def test_a_platform_that_is_not_there_is_told(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1", DINGTALK_OPENAPI_ENDPOINT="http://127.0.0.1:9")
    assert (visit.code, visit.failed) == (1, {"network": "unreachable"})
    assert AFTER_NETWORK.items() <= visit.skipped.items()
    assert "wss-open-connection-union.dingtalk.com" in visit.step("network")["en"]


async def test_a_proxy_that_is_not_there_is_told_by_its_variable(sandbox: Sandbox) -> None:
    endpoint = {"DINGTALK_OPENAPI_ENDPOINT": f"https://{NAME}", "HTTPS_PROXY": "http://bot:door-word@127.0.0.1:9"}
    visit = await examined(sandbox, **endpoint)
    assert visit.failed == {"network": "proxy"}
    assert "HTTPS_PROXY (http://127.0.0.1:9)" in visit.step("network")["detail"]
    assert "door-word" not in visit.out + visit.err


# Secrets


async def test_no_secret_is_told_even_if_dingtalk_quotes_it(sandbox: Sandbox) -> None:
    sandbox.fail("open", status=400, code="odd", message=f"{SECRET} is no good")
    sandbox.fail("create", status=400, code="odd", message=f"with {SECRET}")
    visit = await examined(sandbox, "--to", "u1")
    assert visit.failed == {"stream": "not_stream", "create": "rejected"}
    assert SECRET not in visit.out + visit.err


async def test_neither_ticket_nor_token_is_told(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, "--to", "u1")
    secrets = [*sandbox._tokens._granted, *(connection.id for connection in sandbox.connections)]
    assert len(secrets) == 2
    assert not any(secret in visit.out + visit.err for secret in secrets)


# Listening


async def ready_to_listen(sandbox: Sandbox, process: Forked) -> None:
    """Wait until the doctor asks for a message; its remark stands on stderr, in two languages."""
    assert process.stderr is not None
    while b"writes to the robot" not in await asyncio.wait_for(process.stderr.readline(), 60):
        pass
    assert sandbox.online(ROBOT) == 1


async def test_a_message_is_acked_and_answered_by_its_webhook_and_a_press_arrives(sandbox: Sandbox) -> None:
    async with visiting(sandbox, "--json", "--to", "u1", "--listen", "60") as process:
        await ready_to_listen(sandbox, process)
        sandbox.say("你好", robot=ROBOT, sender="u1")
        await sandbox.until(lambda: [message for message in sandbox.messages if message.via == "webhook"], 20)
        card = the_card(sandbox)
        sandbox.click(card.id, card.buttons()[0]["id"])
        visit = await said(process)
    assert (visit.code, visit.skipped, visit.failed) == (0, {}, {})
    assert (visit.step("heard")["detail"], visit.step("click")["detail"]) == ("from u1", "very_helpful by u1")
    assert sandbox.messages[-1].text == texts.REPLY
    assert [push.code for push in sandbox.pushes] == [200, 200]


async def test_what_is_somebody_elses_is_not_acked(sandbox: Sandbox) -> None:
    async with visiting(sandbox, "--json", "--to", "u1", "--listen", "5") as process:
        await ready_to_listen(sandbox, process)
        sandbox.say("我的订单呢", robot=ROBOT, sender="u2")
        visit = await said(process)
    assert (visit.code, visit.failed) == (1, {"heard": "not_heard"})
    assert (visit.skipped, visit.total["not_acked"]) == ({"webhook": "needs heard", "click": "not_pressed"}, 1)
    assert not sandbox.acks
    assert not [message for message in sandbox.messages if message.via == "webhook"]


async def test_without_a_person_to_answer_the_one_who_wrote_is_named_and_left_to_the_service(sandbox: Sandbox) -> None:
    async with visiting(sandbox, "--json", "--listen", "60") as process:
        await ready_to_listen(sandbox, process)
        sandbox.say("我是谁", robot=ROBOT, sender="u2", changes={"robotCode": "another"})
        visit = await said(process)
    assert visit.step("heard")["detail"] == "from u2, robotCode another"
    assert (visit.code, visit.skipped["webhook"]) == (0, "not_answered")
    assert not sandbox.acks


async def test_a_webhook_that_fails_is_told(sandbox: Sandbox) -> None:
    sandbox.fail("webhook", status=200, body={"errcode": 300001, "errmsg": "session 不存在"})
    async with visiting(sandbox, "--json", "--to", "u1", "--listen", "5") as process:
        await ready_to_listen(sandbox, process)
        sandbox.say("你好", robot=ROBOT, sender="u1")
        visit = await said(process)
    assert visit.failed == {"webhook": "webhook"}


async def test_a_message_that_comes_while_nobody_listens_is_not_acked(sandbox: Sandbox) -> None:
    sandbox.rules.first_ping = 1.0
    async with visiting(sandbox, "--json", "--to", "u1") as process:
        await sandbox.until(lambda: sandbox.online(ROBOT), 60)
        sandbox.say("你好", robot=ROBOT, sender="u1")
        visit = await said(process)
    assert (visit.code, visit.total["not_acked"], sandbox.acks) == (0, 1, [])


# Being interrupted


@pytest.mark.parametrize(
    ("number", "api"),
    [
        (signal.SIGINT, "create"),
        (signal.SIGTERM, "streaming"),
        (signal.SIGINT, "update"),
    ],
)
async def test_an_interrupted_doctor_leaves_no_card_spinning(
    sandbox: Sandbox, number: signal.Signals, api: str
) -> None:
    sandbox.fail(api, delay=3600, applied=True)  # it takes effect, and its answer never comes
    async with visiting(sandbox, "--json", "--to", "u1", "--listen", "60") as process:
        await sandbox.until(lambda: [call for call in sandbox.calls if call.api == api], 60)
        await sandbox.until(lambda: sandbox.cards)
        process.send_signal(number)
        visit = await said(process)
    assert (visit.code, "Traceback" in visit.err) == (130, False)
    assert the_card(sandbox).state is CardState.FINISHED
    assert [connection.close_code for connection in sandbox.connections] == [1000]


async def test_an_interrupted_doctor_parts_properly_from_the_gateway(sandbox: Sandbox) -> None:
    async with visiting(sandbox, "--json", "--listen", "60") as process:
        await ready_to_listen(sandbox, process)
        process.send_signal(signal.SIGINT)
        visit = await said(process)
    assert visit.code == 130
    assert texts.INTERRUPTED.en in visit.err
    assert [connection.close_code for connection in sandbox.connections] == [1000]


# Settings


async def test_wrong_settings_are_told_all_at_once_and_nothing_is_asked(sandbox: Sandbox) -> None:
    visit = await examined(sandbox, OPENAPI_QPS="many", CARD_KIND="odd")
    assert (visit.code, visit.failed) == (2, {"settings": "settings"})
    assert {line.split("=")[0] for line in visit.step("settings")["detail"].splitlines()} == {
        "OPENAPI_QPS",
        "CARD_KIND",
    }
    assert not sandbox.calls


async def test_without_a_robot_there_is_nothing_to_examine() -> None:
    visit = await examined(None)
    assert visit.code == 2
    assert visit.step("settings")["detail"].startswith("DINGTALK_CLIENT_ID, ROBOTS_DIR: neither is set")


@pytest.mark.parametrize("words", [["--listen", "-1"], ["u1"]], ids=" ".join)
async def test_words_that_mean_nothing_are_refused(sandbox: Sandbox, words: list[str]) -> None:
    visit = await examined(sandbox, *words)
    assert (visit.code, visit.err.startswith("usage: python -m actors doctor")) == (2, True)
    assert not sandbox.calls


async def test_every_robot_of_a_tree_is_examined_and_a_broken_one_is_named(tmp_path: Path) -> None:
    tree = {name: robot(f"ding-{name}") for name in ("shop", "club")} | {"torn": "{"}
    secrets = {f"ding-{name}": f"secret-of-ding-{name}" for name in ("shop", "club")}
    async with Sandbox(robots=secrets, rules=Rules(first_ping=0.02)) as sandbox:
        settings = {
            "ROBOTS_DIR": str(plant(tmp_path, tree)),
            "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
        }
        everybody = await examined(None, **settings)
        one = await examined(None, "--robot", "ding-club", **settings)
        nobody = await examined(None, "--robot", "ding-pub", **settings)
    assert [step["robot"] for step in everybody.told if step["step"] == "ping"] == ["ding-club", "ding-shop"]
    assert (everybody.code, everybody.failed) == (1, {"settings": "settings"})
    assert "torn" in everybody.step("settings")["detail"]
    assert {step["robot"] for step in one.told if step["step"] == "ping"} == {"ding-club"}
    assert (nobody.code, "ding-club, ding-shop" in nobody.step("settings")["detail"]) == (2, True)


# What an operator sees


async def seen(sandbox: Sandbox, *words: str, **settings: str) -> list[str]:
    """The lines at a terminal of 80 columns."""
    async with visiting(sandbox, *words, **settings) as process:
        visit = await said(process)
    assert visit.err == ""
    return visit.out.splitlines()


async def test_every_step_has_a_line_with_its_mark(sandbox: Sandbox) -> None:
    lines = await seen(sandbox, "--to", "nobody")
    named = [line.split()[:3] for line in lines if line[:2] in {"✓ ", "✗ ", "– "}]
    steps = [step for step in texts.NAMES if step is not Step.WEBHOOK_HOST]
    wanted = [[mark, *texts.NAMES[step]] for mark, step in zip("✓✓✓✓✓✗–––✗––––", steps, strict=True)]
    assert named[: len(steps)] == wanted


async def test_a_failure_names_the_menus_of_the_console_in_both_languages(sandbox: Sandbox) -> None:
    sandbox.fail("open", status=400, code="invalidParameter", message="robot not published")
    text = "\n".join(await seen(sandbox, "--to", "u1"))
    assert "原因 Reason: HTTP 400, invalidParameter: robot not published" in text
    assert text.count("消息接收模式") == 2
    assert "版本管理与发布 (versions)" in text.replace("\n    ", " ")


async def test_no_line_is_wider_than_the_terminal(sandbox: Sandbox) -> None:
    sandbox.revoke(ROBOT, "Card.Streaming.Write")
    sandbox.fail("open", status=400, code="invalidParameter")
    lines = await seen(sandbox, "--to", "u1")
    assert max(map(_places, lines)) <= 80


async def test_the_same_advice_is_given_once(sandbox: Sandbox) -> None:
    text = "\n".join(await seen(sandbox, "--to", "u1", DINGTALK_CLIENT_SECRET="another"))
    assert (text.count("凭证与基础信息"), text.count(texts.AS_ABOVE)) == (2, 1)


async def test_the_sum_and_the_calls_are_told_at_the_end(sandbox: Sandbox) -> None:
    lines = await seen(sandbox, "--to", "u1")
    assert lines[-2:] == [
        "11 项正常，0 项失败，3 项跳过；用了 6 次计费 API 调用（标准版每月 5,000 次）。",
        "11 ok, 0 failed, 3 skipped; 6 counted API calls (standard: 5,000 a month).",
    ]
