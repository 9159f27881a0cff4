"""What the platform counted of a run, as the figures that Prometheus must have: one expression for each, and its value.

The law: every value comes from what the sandbox saw, none from the service. Which figures hold only where nothing went
wrong on the way is said at each.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from actors.core import texts
from actors.sandbox.gateway import CARD_TOPIC, ROBOT_TOPIC
from actors.sandbox.records import Call, Push
from actors.sandbox.server import Sandbox
from tests.actors.endings import ending
from tests.operations.observed.prometheus import Prometheus

BOARDS = ("service-levels", "conversations-and-cards", "connections-and-retries")

OPENAPI = frozenset({"token", "create", "update", "streaming", "webhook", "oto", "group", "download"})
"""The APIs that the service counts as calls; the gateway's own and the download of a file are none."""

MESSAGES = frozenset({"webhook", "oto", "group"})
"""Those that are not repeated where nobody knows what became of them: a message cannot be taken back."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What an expression, or the one at a place in dashboards and rules, has to come to."""

    expression: str
    value: float


def attempts(sandbox: Sandbox) -> Iterator[Figure]:
    """Calls by API and status. Holds when connections are reset, too: a call without an answer has status 0 there."""
    calls = Counter((call.api, str(call.status or "unreachable")) for call in sandbox.calls if call.api in OPENAPI)
    for (api, status), count in calls.items():
        chosen = f'dingtalk_openapi_request_seconds_count{{api="{api}", status="{status}"}}'
        yield Figure(f"sum({chosen})", count)
    yield Figure("sum(dingtalk_openapi_request_seconds_count)", calls.total())
    lost = sum(count for (api, status), count in calls.items() if status == "unreachable" and api not in MESSAGES)
    yield Figure('sum(dingtalk_retries_total{scope="openapi"}) or vector(0)', lost)


def everything(sandbox: Sandbox) -> Iterator[Figure]:
    """All that can be counted on both sides of a run in which every call was answered, and well."""
    yield from attempts(sandbox)
    yield from _messages(sandbox)
    yield from turned(sandbox)
    yield from _answers(sandbox)
    yield from _card_calls(sandbox)
    yield from _clicks(sandbox)
    yield from _connections(sandbox)


def differences(
    figures: list[Figure], prometheus: Prometheus, at: float, asked: Mapping[str, str] | None = None
) -> list[str]:
    """Each figure that Prometheus has otherwise, or not at all; `asked` are the expressions of places."""
    wrong = []
    for figure in figures:
        expression = asked[figure.expression] if asked else figure.expression
        found = [series.last for series in prometheus.query(expression, at)]
        if len(found) != 1 or abs(found[0] - figure.value) > 1e-9:
            wrong.append(f"{figure.expression}: {found}, and the sandbox counted {figure.value:g}")
    return wrong


def shown(sandbox: Sandbox) -> Iterator[Figure]:
    """What dashboards and rules have to show of such a run, by the place of their question."""
    pushes = {topic: [push for push in sandbox.pushes if push.topic == topic] for topic in (ROBOT_TOPIC, CARD_TOPIC)}
    acks = {topic: [push for push in pushes[topic] if push.seconds is not None] for topic in pushes}
    ends = Counter(map(ending, sandbox.cards.values()))
    answered = ends["answered"] / (ends["answered"] + ends["failed"] + ends["expired"])
    ratings = _ratings(sandbox)
    helpful = (ratings["very_helpful"] + ratings["helpful"]) / ratings.total()
    levels, conversations, connections = (
        "service-levels.json",
        "conversations-and-cards.json",
        "connections-and-retries.json",
    )
    yield Figure(f"{levels}, panel 'Ack ≤ 3 s', query A", _within(acks[ROBOT_TOPIC], 3))
    yield Figure(f"{levels}, panel 'Click ≤ 2 s', query A", _within(acks[CARD_TOPIC], 2))
    yield Figure(f"{levels}, panel 'Answered', query A", answered)
    events = (len(acks[ROBOT_TOPIC]), len(acks[CARD_TOPIC]), len(sandbox.cards))
    for query, count in zip("ABC", events, strict=True):
        yield Figure(f"{levels}, panel 'Events in the time shown', query {query}", count)
    yield Figure(f"{conversations}, panel 'Answered', query A", ends["answered"])
    yield Figure(f"{conversations}, panel 'Failed or expired', query A", 1 - answered)
    yield Figure(f"{conversations}, panel 'Helpful', query A", helpful)
    for query, rating in zip("ABCD", texts.RATINGS, strict=True):
        yield Figure(f"{conversations}, panel 'Ratings in the time shown', query {query}", ratings[rating])
    restarts = sum(connection.closed_at is not None for connection in sandbox.connections)
    yield Figure(f"{connections}, panel 'Restarts', query A", restarts)
    yield Figure(f"{connections}, panel 'Not connected', query A", 0)
    yield Figure("recording.yaml, dingtalk:answered:error_ratio_rate5m", 1 - answered)
    yield Figure("recording.yaml, dingtalk:feedback_unhelpful:ratio_rate1d", 1 - helpful)


def _within(acks: list[Push], seconds: float) -> float:
    return sum((push.seconds or 0) <= seconds for push in acks) / len(acks)


def _messages(sandbox: Sandbox) -> Iterator[Figure]:
    pushes = [push for push in sandbox.pushes if push.topic == ROBOT_TOPIC]
    acked = [push for push in sandbox.acks if push.topic == ROBOT_TOPIC]
    said = Counter(message.text for message in sandbox.messages)
    denied, full = said[texts.DENIED], said[texts.QUEUE_FULL]
    unsupported = sum(said[words] for words in texts.UNREADABLE.values())
    distinct = len({push.about for push in pushes})
    outcomes = {
        "duplicate": len(pushes) - distinct,
        "denied": denied,
        "refused": full,
        "unsupported": unsupported,
        "accepted": distinct - denied - full - unsupported,
    }
    for outcome, count in outcomes.items():
        yield Figure(f'sum(dingtalk_messages_total{{outcome="{outcome}"}})', count)
    yield Figure("sum(dingtalk_messages_total)", len(pushes))
    yield Figure("sum(dingtalk_ack_seconds_count)", len(acked))


def turned(sandbox: Sandbox) -> Iterator[Figure]:
    """Questions that came to an end, by what their cards say. Holds when connections are reset, too."""
    for outcome, count in Counter(map(ending, sandbox.cards.values())).items():
        yield Figure(f'sum(dingtalk_turns_total{{outcome="{outcome}"}})', count)
    yield Figure("sum(dingtalk_turns_total)", len(sandbox.cards))


def _answers(sandbox: Sandbox) -> Iterator[Figure]:
    yield Figure("sum(dingtalk_first_card_seconds_count)", len(sandbox.cards))
    yield Figure("sum(dingtalk_answer_seconds_count)", len(sandbox.cards))
    fetched = sum(call.api == "file" for call in sandbox.calls)
    yield Figure('sum(dingtalk_attachments_total{outcome="fetched"})', fetched)


def stage(call: Call) -> str:
    """What a card call is for, by its body; "" for a call that is about no card."""
    match call.api:
        case "create":
            return "initial"
        case "streaming":
            return "final" if call.body["isFinalize"] else "streaming"
        case "update":
            params = call.body["cardData"]["cardParamMap"]
            if "flowStatus" in params or set(params) == {"rating"}:
                return "final"
            return "streaming" if set(params) == {"status"} else "initial"
    return ""


def _card_calls(sandbox: Sandbox) -> Iterator[Figure]:
    calls = Counter(filter(None, map(stage, sandbox.calls)))
    for name, count in calls.items():
        yield Figure(f'sum(dingtalk_card_updates_total{{stage="{name}", outcome="ok"}})', count)
    yield Figure('sum(dingtalk_card_updates_total{outcome!~"ok|skipped"}) or vector(0)', 0)
    yield Figure(
        "max(dingtalk_openapi_quota_used)", sum(call.api in OPENAPI - {"token", "webhook"} for call in sandbox.calls)
    )


def _clicks(sandbox: Sandbox) -> Iterator[Figure]:
    pushes = [push for push in sandbox.pushes if push.topic == CARD_TOPIC]
    yield Figure("sum(dingtalk_clicks_total)", len(pushes))
    yield Figure("sum(dingtalk_click_ack_seconds_count)", sum(push.acked for push in pushes))
    ratings = _ratings(sandbox)
    for rating, count in ratings.items():
        yield Figure(f'sum(dingtalk_feedback_total{{rating="{rating}"}})', count)
    yield Figure("sum(dingtalk_feedback_total)", ratings.total())


def _ratings(sandbox: Sandbox) -> Counter[str]:
    """Each change of a rating changes the card for everybody."""
    changes = [call.body["cardData"]["cardParamMap"] for call in sandbox.calls if call.api == "update"]
    return Counter(params["rating"] for params in changes if set(params) == {"rating"})


def _connections(sandbox: Sandbox) -> Iterator[Figure]:
    live = sum(connection.live for connection in sandbox.connections)
    rolled = sum(connection.rolled_at is not None for connection in sandbox.connections)
    yield Figure("sum(dingtalk_stream_connected)", live)
    yield Figure("sum(dingtalk_stream_restarts_total)", len(sandbox.connections) - live)
    yield Figure('sum(dingtalk_stream_restarts_total{reason="rolled"})', rolled)
    frames = {"callback": len(sandbox.pushes), "ping": sum(ping.acked for ping in sandbox.pings), "disconnect": rolled}
    for kind, count in frames.items():
        yield Figure(f'sum(dingtalk_stream_frames_total{{type="{kind}"}})', count)
    yield Figure("sum(dingtalk_stream_frames_total)", sum(frames.values()))
