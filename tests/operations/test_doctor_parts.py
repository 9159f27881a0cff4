"""The doctor's parts by themselves: what trouble means, how it fits a terminal, the way to DingTalk, a silent line."""

import io
import re
import socket
import ssl
import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from actors.core.card import SDK_TEMPLATE
from actors.dingtalk import faults
from actors.dingtalk.openapi import CREATE, OTO, SEND_STANDARD, STREAMING, UPDATE, WEBHOOK
from actors.doctor import diagnosis, texts
from actors.doctor.checkup import Request
from actors.doctor.command import FINE, ILL, _Clinic
from actors.doctor.diagnosis import advice_for, missing_scopes
from actors.doctor.findings import Finding, State, Step
from actors.doctor.screen import Terminal, _places, wrapped
from actors.errors import CallFailed, ConnectionReason, ConnectionTrouble, Fault, Trouble
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from actors.settings import load
from tests.actors.conftest import STANDARD
from tests.network.proxies import HttpProxy

SECRET = "robot-secret"
QPS = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
QUOTA = "Forbidden.AccessDenied.ApiCountLimitForOrg"

Steps = dict[str, str]


class Pupil:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.findings: dict[Step, Finding] = {}

    def robot(self, client_id: str, shown_on: str) -> None:
        pass

    def tell(self, finding: Finding) -> None:
        self.findings[finding.step] = finding

    def remark(self, text: texts.Text) -> None:
        pass

    def total(self, counts: object, calls: int, not_acked: int) -> None:
        pass

    @property
    def failed(self) -> dict[str, str]:
        """The steps that failed, with their advice."""
        return {step: found.key for step, found in self.findings.items() if found.state is State.FAILED}


async def examined(request: Request, **settings: str) -> tuple[int, Pupil]:
    pupil, credentials = Pupil(), {"DINGTALK_CLIENT_ID": "patient", "DINGTALK_CLIENT_SECRET": SECRET}
    read = load({"CARD_MIN_INTERVAL": "0"} | credentials | settings)
    return await _Clinic(pupil, request).examine(read, read.robots()), pupil


# What trouble means


def call_failed(api: str, fault: Fault, status: int, code: str, message: str = "") -> Trouble:
    return CallFailed(api, fault, status, code, message)


def refused(fault: Fault | None = None, reason: ConnectionReason = "unavailable", detail: str = "") -> Trouble:
    return ConnectionTrouble(reason, detail, fault)


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        (call_failed(OTO.name, Fault.REJECTED, 200, "invalidStaffId"), "staff_id"),
        (call_failed(OTO.name, Fault.REJECTED, 400, "invalidParameter.userIds.invalid"), "staff_id"),
        (call_failed(SEND_STANDARD.name, Fault.REJECTED, 400, "invalid.robotCode"), "robot_code"),
        (call_failed(SEND_STANDARD.name, Fault.PERMISSION, 403, "AccessTokenPermissionDenied"), "standard"),
        (call_failed(STREAMING.name, Fault.TRANSIENT, 500, "unknownError"), "stream_refused"),
        (call_failed(UPDATE.name, Fault.TRANSIENT, 500, "unknownError"), "transient"),
        (call_failed(UPDATE.name, Fault.TRANSIENT, 502, "", faults.NO_JSON), "page"),
        (call_failed(CREATE.name, Fault.THROTTLED, 0, faults.BANNED, faults.BAN_WORDS), "banned"),
        (call_failed(CREATE.name, Fault.THROTTLED, 403, "QpsLimitForApi"), "qps"),
        (call_failed(WEBHOOK.name, Fault.REJECTED, 200, "40035"), "webhook"),
        (call_failed(WEBHOOK.name, Fault.THROTTLED, 200, "130101"), "qps"),
        (call_failed(CREATE.name, Fault.TOO_LARGE, 400, "param.stream.content"), "rejected"),
        (refused(reason="refused"), "credentials"),
        (refused(Fault.THROTTLED), "qps"),
        (refused(Fault.QUOTA), "quota"),
        (refused(), "handshake"),
        (refused(reason="lost"), "silent"),
        (refused(reason="unreachable"), "unreachable"),
    ],
)
def test_trouble_means_an_advice(trouble: Trouble, advice: str) -> None:
    assert advice_for(trouble, proxied=False) == advice


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("status", [0, 200, 400, 403, 500])
@pytest.mark.parametrize("proxied", [False, True])
def test_whatever_fails_there_is_a_text_for_it(fault: Fault, status: int, proxied: bool) -> None:
    for trouble in (call_failed(CREATE.name, fault, status, "odd"), refused(fault), Trouble("odd")):
        assert advice_for(trouble, proxied=proxied) in texts.ADVICE


def test_behind_a_proxy_it_is_the_proxy_that_does_not_lead_there() -> None:
    assert advice_for(refused(reason="unreachable"), proxied=True) == "proxy"
    assert advice_for(call_failed(CREATE.name, Fault.TRANSIENT, 0, "noAnswer"), proxied=True) == "proxy"


def test_a_permission_that_dingtalk_does_not_name_is_the_one_that_the_call_asks_for() -> None:
    nameless = CallFailed(STREAMING.name, Fault.PERMISSION, 403, "x", "no")
    named = CallFailed(STREAMING.name, Fault.PERMISSION, 403, "x", "no (missing: ['A.Write', 'qyapi_b'])")
    assert missing_scopes(nameless) == ("Card.Streaming.Write",)
    assert missing_scopes(named) == ("A.Write", "qyapi_b")


# What can be wrong at DingTalk


def fault(api: str, status: int, code: str = "", **how: Any) -> Callable[[Sandbox], None]:
    return lambda sandbox: sandbox.fail(api, status=status, code=code, **({"times": None} | how))


def revoked(*scopes: str) -> Callable[[Sandbox], None]:
    def arrange(sandbox: Sandbox) -> None:
        for scope in scopes:
            sandbox.revoke("patient", scope)

    return arrange


CASES: list[tuple[list[Callable[[Sandbox], None]], Steps, dict[str, str]]] = [
    ([], {"token": "credentials", "stream": "credentials"}, {"DINGTALK_CLIENT_SECRET": "another"}),
    (
        [fault("open", 400, "invalidParameter"), revoked("qyapi_robot_sendmsg")],
        {"stream": "not_stream", "message": "permission", "permissions": "permission"},
        {},
    ),
    (
        [fault("open", 400, "systemError"), revoked("Card.Instance.Write"), fault("oto", 400, "robot.not.exist")],
        {"stream": "transient", "create": "permission", "message": "robot_code", "permissions": "permission"},
        {},
    ),
    (
        [fault("connect", 400, "invalidTicket"), revoked("Card.Streaming.Write"), fault("oto", 403, QPS)],
        {
            "stream": "handshake",
            "streaming": "permission",
            "finalize": "permission",
            "message": "qps",
            "permissions": "permission",
        },
        {},
    ),
    (
        [
            fault("open", 503, body="<html>busy</html>"),
            lambda sandbox: sandbox.withdraw(SDK_TEMPLATE),
            fault("oto", 403, QUOTA),
        ],
        {"stream": "page", "create": "template", "message": "quota"},
        {},
    ),
    (
        [
            fault("create", 400, "param.templateUnpublished"),
            fault("oto", 200, body={"processQueryKey": "q", "flowControlledStaffIdList": ["u1"]}),
        ],
        {"create": "template_unpublished", "message": "flow_controlled"},
        {},
    ),
    (
        [fault("streaming", 500, "unknownError"), fault("oto", 400, "odd.code")],
        {"streaming": "stream_refused", "finalize": "stream_refused", "message": "rejected"},
        {},
    ),
    (
        [fault("create", 400, "InvalidAuthentication"), fault("oto", 504, "ServiceUnavailable")],
        {"create": "token_refused", "message": "transient"},
        {},
    ),
    ([fault("standard", 400, "param.error")], {"create": "standard"}, STANDARD),
    ([fault("token", 200, body="<html>please log in</html>")], {"token": "page"}, {}),
    ([fault("update", 500, "unknownError")], {"update": "transient"}, {}),
    (
        [lambda sandbox: sandbox.fail("create", hang=True), lambda sandbox: sandbox.fail("oto", reset=True)],
        {"create": "unreachable", "message": "unreachable"},
        {"OPENAPI_TIMEOUT": "0.5"},
    ),
]


@pytest.mark.parametrize(("orders", "failed", "settings"), CASES, ids=["-".join(case[1].values()) for case in CASES])
async def test_every_fault_has_its_advice(
    orders: list[Callable[[Sandbox], None]], failed: Steps, settings: dict[str, str]
) -> None:
    async with Sandbox(robots={"patient": SECRET}, rules=Rules(first_ping=0.02)) as sandbox:
        for arrange in orders:
            arrange(sandbox)
        code, pupil = await examined(Request("u1", 0), **{"DINGTALK_OPENAPI_ENDPOINT": sandbox.url} | settings)
    assert (code, pupil.failed) == (ILL, failed)


# The catalogue


def test_every_text_is_there_in_both_languages() -> None:
    pairs = [*texts.ADVICE.values(), *texts.HINTS.values(), *texts.NAMES.values()]
    assert all(re.search(r"[\u4e00-\u9fff]", text.zh) and re.search(r"[a-z]{2}", text.en) for text in pairs)


def test_every_step_has_a_name_and_every_hint_a_reason() -> None:
    assert set(texts.NAMES) == set(Step)
    assert set(texts.HINTS) <= set(texts.REASONS)


def test_every_advice_can_be_given() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(diagnosis.__file__).parent.glob("*.py"))
    assert all(source.count(f'"{key}"') >= 2 for key in texts.ADVICE)


# Lines at a terminal


LETTERS = st.text(st.sampled_from(string.ascii_letters + "，。→ （）机器人钉钉应用" + ":/."), max_size=200)


@given(LETTERS, st.integers(20, 100))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    assert "".join("".join(wrapped(text, width)).split()) == "".join(text.split())


@given(LETTERS, st.integers(20, 100))
def test_a_line_is_too_wide_only_if_it_is_one_word(text: str, width: int) -> None:
    assert all(_places(line) <= width or " " not in line.strip() for line in wrapped(text, width))


def test_the_name_of_a_menu_is_not_torn() -> None:
    assert list(wrapped("开发者后台 → 应用开发 → 企业内部应用", 22)) == ["开发者后台 → 应用开发", "→ 企业内部应用"]


def test_no_line_begins_with_a_comma() -> None:
    assert list(wrapped("一二三四五六七八九十，一", 20)) == ["一二三四五六七八九", "十，一"]


def test_what_came_from_outside_is_cleaned() -> None:
    out = io.StringIO()
    Terminal(out).tell(Finding("r", Step.TOKEN, State.FAILED, detail="accessToken=abcdef123456", key="credentials"))
    assert "abcdef" not in out.getvalue()


# The way


NAMES = ("api.dingtalk.com", "oapi.dingtalk.com")


@asynccontextmanager
async def behind_a_proxy(tmp_path: Path, *names: str) -> AsyncIterator[dict[str, str]]:
    """A sandbox that is DingTalk by its own names, behind a proxy that knows these, and whom nobody trusts untold."""
    authority, server = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with Sandbox(robots={"patient": SECRET}, rules=Rules(first_ping=0.02)) as sandbox, HttpProxy("http") as proxy:
        assert sandbox._runner is not None
        await web.TCPSite(sandbox._runner, "127.0.0.1", 0, ssl_context=server).start()
        proxy.leads.update({f"{name}:443": sandbox._runner.addresses[-1][1] for name in names})
        yield {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}


async def test_dingtalk_is_found_by_its_own_names_through_a_proxy(tmp_path: Path) -> None:
    async with behind_a_proxy(tmp_path, *NAMES) as settings:
        code, pupil = await examined(Request("u1", 0), **settings)
    assert (code, pupil.failed) == (FINE, {})
    told = pupil.findings[Step.WEBHOOK_HOST].detail
    assert told == f"oapi.dingtalk.com:443 through HTTPS_PROXY ({settings['HTTPS_PROXY']})"


async def test_a_proxy_that_lets_no_replies_out_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with behind_a_proxy(tmp_path, "api.dingtalk.com") as settings:
        code, pupil = await examined(Request("u1", 0), **settings)
    assert (code, pupil.failed) == (ILL, {Step.WEBHOOK_HOST: "proxy"})
    assert pupil.findings[Step.MESSAGE].state is State.OK


async def test_a_certificate_that_nobody_trusts_is_told(tmp_path: Path) -> None:
    async with behind_a_proxy(tmp_path, *NAMES) as settings:
        del settings["SSL_CERT_FILE"]
        _, pupil = await examined(Request("u1", 0), **settings)
    assert pupil.failed == {Step.NETWORK: "certificate", Step.WEBHOOK_HOST: "certificate"}
    assert "SSL_CERT_FILE" in texts.ADVICE["certificate"].zh


async def test_a_name_that_leads_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    _, pupil = await examined(Request("u1", 0))
    assert pupil.failed == {Step.NETWORK: "name", Step.WEBHOOK_HOST: "name"}


async def test_a_page_of_a_ban_is_told_as_a_ban() -> None:
    async def turn_away(_: web.Request) -> web.Response:
        return web.Response(status=403, text="<html>status: 1111, punish</html>")

    app = web.Application()
    app.router.add_get("/", turn_away)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, pupil = await examined(Request("u1", 0), DINGTALK_OPENAPI_ENDPOINT=f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()
    assert pupil.failed == {Step.NETWORK: "banned"}


async def test_a_connection_on_which_nothing_comes_is_told() -> None:
    async with Sandbox(robots={"patient": SECRET}, rules=Rules(first_ping=3600)) as sandbox:
        _, pupil = await examined(Request("", 0, ping_within=0.05), DINGTALK_OPENAPI_ENDPOINT=sandbox.url)
    assert pupil.failed == {Step.PING: "silent"}
