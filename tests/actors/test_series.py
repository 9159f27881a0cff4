"""The series that are there when a robot is served, before anything happens: so the first failure is seen as one."""

import re
from pathlib import Path

import pytest

from actors import housekeeping, metrics
from tests.actors.conftest import Stage, eventually, staged

CONNECTIONS = "refused unavailable unreachable lost closed silent rolled crashed"
PASSING = "error unreachable connect_timeout throttled unavailable truncated empty"
AGENT = f"{PASSING} refused rejected first_token_timeout idle_timeout timeout"
EVERY_ROBOT = {
    "turns_total": {"outcome": "answered failed stopped expired"},
    "feedback_total": {"rating": "very_helpful helpful slightly_helpful not_helpful"},
    "messages_total": {"type": "text", "outcome": "accepted duplicate refused unsupported denied stale"},
    "clicks_total": {"outcome": "rated repeated stopped foreign unknown"},
    "stream_restarts_total": {"reason": CONNECTIONS},
    "agent_errors_total": {"agent": "python", "reason": AGENT},
    "agent_tokens_total": {"agent": "python", "kind": "read written"},
    "ack_seconds_count": {},
    "click_ack_seconds_count": {},
    "first_token_seconds_count": {"agent": "python"},
    "answer_seconds_count": {"agent": "python"},
}
CARDS = {
    "card_updates_total": {"stage": "initial streaming final", "outcome": "ok throttled failed"},
    "card_updates_skipped_total": {"reason": "overtaken budget quota refused"},
    "first_card_seconds_count": {},
    "card_updates_per_answer_count": {},
    "card_lag_seconds_count": {},
}
APIS = {"ai": "create streaming update", "standard": "standard standard_update", "text": ""}
PROCESS = {
    'actor_failures_total{actor="Supervisor"}',
    'actor_failures_total{actor="Connection"}',
    'actor_failures_total{actor="Conversation"}',
    *(f'retries_total{{reason="{reason}",scope="stream"}}' for reason in CONNECTIONS.split()),
    *(f'retries_total{{reason="{reason}",scope="openapi"}}' for reason in ("transient", "throttled")),
    *(f'retries_total{{reason="{reason}",scope="agent"}}' for reason in PASSING.split()),
}
SKIPPED = 'card_updates_total{outcome="skipped",stage="streaming"}'


def expected(table: dict[str, dict[str, str]]) -> set[str]:
    """The series that a table stands for: every label with each of its words."""
    series = set()
    for name, labels in table.items():
        sets: list[list[str]] = [[]]
        for label, words in sorted(labels.items()):
            sets = [[*before, f'{label}="{word}"'] for before in sets for word in words.split()]
        series |= {name + ("{" + ",".join(one) + "}" if one else "") for one in sets}
    return series


def of_a_robot(kind: str) -> set[str]:
    if kind == "text":
        return expected(EVERY_ROBOT)
    throttled = {"openapi_throttled_total": {"api": APIS[kind]}}
    return expected(EVERY_ROBOT | CARDS | throttled) | {SKIPPED}


async def exposed(stage: Stage, names: set[str]) -> dict[str, float]:
    """The stage's own series of these metrics, without the robot's label, and their values."""
    series = {}
    for row in (await stage.get("/metrics"))[1].splitlines():
        said, robot = row, f'robot="{stage.robot}"'
        if row.startswith("dingtalk_") and robot in row:
            said = re.sub(rf"{robot},?", "", row).replace(",}", "}").replace("{}", "").removeprefix("dingtalk_")
            name, value = said.rsplit(" ", 1)
            if name.partition("{")[0] in names:
                series[name] = float(value)
    return series


@pytest.mark.parametrize("kind", APIS)
async def test_a_robot_begins_with_every_series_at_0_that_it_can_have(tmp_path: Path, kind: str) -> None:
    async with staged(tmp_path, CARD_KIND=kind) as stage:
        names = {*EVERY_ROBOT, *CARDS, "openapi_throttled_total"}
        assert await exposed(stage, names) == dict.fromkeys(of_a_robot(kind), 0.0)


async def test_a_process_begins_with_what_it_counts_for_all_robots_at_0(tmp_path: Path) -> None:
    metrics.ACTOR_FAILURES.clear()
    metrics.RETRIES.clear()
    async with staged(tmp_path) as stage:
        rows = (row.removeprefix("dingtalk_").rsplit(" ", 1) for row in (await stage.get("/metrics"))[1].splitlines())
        series = {name: value for name, value in rows if name.startswith(("actor_failures_total", "retries_total"))}
        assert series == dict.fromkeys(PROCESS, "0.0")


async def test_what_happens_is_counted_on_the_series_that_were_there(stage: Stage) -> None:
    """Every one of these metrics, but no new series: what is counted is spelled as it was begun."""
    stage.sandbox.fail("update", status=403, code="Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", times=1)
    await stage.ask("1x1 5x0.1")
    await stage.ask("boom", sender="li")
    (card,) = await stage.finished()
    await stage.finished(sender="li")
    for who in ("zhang", "zhang", "li"):
        stage.sandbox.click(card.id, card.buttons()[0]["id"], who)
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 5)
    await stage.sandbox.close(stage.robot)
    names = {*EVERY_ROBOT, *CARDS, "openapi_throttled_total"}

    async def counted() -> bool:
        series = await exposed(stage, names)
        assert set(series) == of_a_robot("ai")
        moved = {name.partition("{")[0] for name, value in series.items() if value}
        return moved >= names - {"card_updates_skipped_total", "agent_tokens_total"}

    await eventually(counted)


async def test_what_is_told_of_the_quota_is_renewed_without_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EVERY", 0.05)
    async with staged(tmp_path) as stage:
        metrics.OPENAPI_QUOTA_USED.labels(robot=stage.robot).set(4_999)  # as it is when a month is over
        await stage.measures("dingtalk_openapi_quota_used{{robot}}", 0)
