"""What `promises` cannot know of a service in several replicas: what each trouble excuses, and what the database says.

A question may stay without an ack only where something befell the replica that had it, or where its sender is told to
ask again; an answer may be begun again only where something befell who was at it.
In the end the database has every question closed, remembered once, as it ended on its card, and as many calls as
DingTalk counted, but for what a crash may lose or count twice.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from actors.core import texts
from actors.sandbox.records import Push, Said
from tests.actors.endings import ending, over_at, spins
from tests.chaos.promises import accepted, card_of, runs, unacked
from tests.chaos.storm import TRIES
from tests.cluster.fleet import Fleet, Trouble, What

ACK_WITHIN = 3.0
"""Seconds that DingTalk waits for an ack."""

TOLD_WITHIN = 10.0
"""Seconds in which who asked in vain has been told so."""

BLOCKED = 5.0
"""Seconds in which a replica that stands still can hold what others wait for, until the server ends its transaction."""

COUNTED = {"create", "streaming", "update", "standard", "standard_update", "oto", "group"}
THROTTLED = "QpsLimit"
UNRECORDED = 3.0
"""Seconds in which calls are collected and recorded."""

OPEN = "SELECT COUNT(*) FROM questions WHERE state <> 'closed'"
WRITTEN_WITHIN = 15.0

CUT_SHORT = {-15, 143}
"""Exit codes of a process that was to end before it had begun, or was told so twice."""

LEFT_WITHIN = 3.0
"""Seconds in which a replica that is to end, or stands still, leaves the calls that are under way."""

OF_THE_DATABASE = {What.CUT, What.HOLE, What.CRASH}


@dataclass(frozen=True)
class Calls:
    """What the database has counted in all, and what it may have: from `least` to `most`."""

    stored: int
    least: int
    most: int


async def emptied(fleet: Fleet, within: float) -> None:
    """Wait until the database has no open question, but not for longer than so many seconds: what is left is told by
    the judge. It is asked now and then, for whoever looks at all questions holds up the platform meanwhile, and the
    replicas' networks with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while fleet.rows(OPEN) != [(0,)]:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.5)


async def settled(judge: Callable[[], list[str]]) -> list[str]:
    """Wait until all that is done is written down; returns what is not as it should be even then."""
    deadline = time.monotonic() + WRITTEN_WITHIN
    while (wrong := judge()) and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(1.0)
    return wrong


def froze(fleet: Fleet, said: Said) -> bool:
    """Whether a replica stood still while a question was answered: to a process that does, its agent was silent."""
    card = card_of(fleet.place, said)
    over = None if card is None else over_at(card)
    return over is not None and any(each.meets(None, said.at, over) for each in _troubles(fleet, What.FREEZE))


def unexplained(fleet: Fleet) -> list[str]:
    """Everything that is not as it should be, whatever befell the replicas; none if all is well."""
    return [*_without_ack(fleet), *_again(fleet), *_gave_up(fleet), *_spinning(fleet), *_books(fleet)]


def calls(fleet: Fleet) -> Calls:
    """The month's calls."""
    ((stored,),) = fleet.rows("SELECT COALESCE(SUM(counted), 0) FROM calls")
    answered = [
        call for call in fleet.place.sandbox.calls if call.api in COUNTED and call.status and THROTTLED not in call.code
    ]
    lost = [(_since(fleet, each), each.began + 1.0) for each in _troubles(fleet, What.KILL)]
    twice = [(each.began - UNRECORDED, each.began + 1.0) for each in _troubles(fleet, *OF_THE_DATABASE)]
    unheard = [(each.began - 1.0, each.began + LEFT_WITHIN) for each in _troubles(fleet, What.FREEZE, What.DRAIN)]
    least = sum(not _within(call.at, lost + unheard) and (call.seconds or 0.0) < 1.0 for call in answered)
    most = len(answered) + sum(_within(call.at, twice) for call in answered)
    return Calls(int(stored), least, most)


def _troubles(fleet: Fleet, *kinds: What) -> list[Trouble]:
    return [each for each in fleet.troubles if each.what in kinds]


def _since(fleet: Fleet, kill: Trouble) -> float:
    """From when on a killed process may not have recorded its calls."""
    away = [
        each.began
        for each in fleet.troubles
        if each.what in OF_THE_DATABASE and each.meets(kill.replica, kill.began - UNRECORDED, kill.began)
    ]
    return min([kill.began, *away]) - UNRECORDED


def _within(at: float, spans: list[tuple[float, float]]) -> bool:
    return any(since <= at <= until for since, until in spans)


def _without_ack(fleet: Fleet) -> Iterator[str]:
    numbers = connections(fleet)
    told = [message for message in fleet.place.sandbox.messages if texts.ASK_AGAIN in message.text]
    for said in unacked(fleet.place):
        answered = any(each.chat == said.chat and 0.0 <= each.at - said.at <= TOLD_WITHIN for each in told)
        if not answered and not all(_excused(fleet, push, numbers) for push in said.pushes):
            yield f"{said.text}: has no ack, and nothing was wrong with the replica that it came to"


def _excused(fleet: Fleet, push: Push, numbers: dict[str, int]) -> bool:
    until = push.at + ACK_WITHIN
    closed = next(each.closed_at for each in fleet.place.sandbox.connections if each.id == push.connection)
    return (closed is not None and closed <= until) or any(
        each.meets(numbers.get(push.connection), push.at, until)
        or (each.what in {What.FREEZE, What.HOLE} and push.at - BLOCKED <= each.began <= until)
        for each in fleet.troubles
    )


def connections(fleet: Fleet) -> dict[str, int]:
    """Which replica has which connection, as far as is known: it says whose messages it took."""
    pushes: dict[str, Said] = {said.id: said for said in fleet.place.sandbox.said if len(said.pushes) == 1}
    took: dict[str, int] = {}
    for running in fleet.place.started:
        for line in running.output:
            if '"message_accepted"' in line:
                said = pushes.get(json.loads(line)["message_id"])
                if said is not None and said.acked:
                    took[said.pushes[0].connection] = fleet.processes[running.process.pid]
    return took


def _again(fleet: Fleet) -> Iterator[str]:
    """Answers that were begun again though nothing had befallen the replica that was at it."""
    former: dict[str, tuple[float, int, int]] = {}
    stalls = _stalls(fleet)
    for line in runs(fleet.place):
        run = json.loads(line)
        text, at, number = run["text"], run["at"], fleet.processes[run["process"]]
        if text in former:
            since, who, times = former[text]
            befell = any(each.meets(who, since, at) for each in fleet.troubles)
            if befell or any(replica == who and since <= then <= at for replica, then in stalls):
                times = 0
            elif who != number:
                yield f"{text}: replica {number} began again what replica {who} was at, which nothing had befallen"
            elif times >= TRIES:
                yield f"{text}: replica {number} began to answer it {times + 1} times"
        else:
            times = 0
        former[text] = at, number, times + 1


def _stalls(fleet: Fleet) -> list[tuple[int, float]]:
    """When which replica said that it could not renew a lease in time, as on a machine that is loaded too much."""
    since = time.time() - time.monotonic()
    return [
        (fleet.processes[running.process.pid], datetime.fromisoformat(json.loads(line)["time"]).timestamp() - since)
        for running in fleet.place.started
        for line in running.output
        if any(f'"{action}"' in line for action in ("lease_not_renewed", "loop_stuck"))
    ]


def _gave_up(fleet: Fleet) -> Iterator[str]:
    """Processes that ended by themselves. One that starts while the database is away may."""
    for number, code, at in fleet.ends:
        befell = {each.what for each in fleet.troubles if each.meets(number, at - 20.0, at)}
        expected = (
            (code == -9 and What.KILL in befell)
            or (code in {0, *CUT_SHORT} and What.DRAIN in befell)
            or (code == 2 and befell & OF_THE_DATABASE)
        )
        if not expected:
            said = [
                running.errors[-1].strip()
                for running in fleet.place.started
                if running.errors and fleet.processes[running.process.pid] == number
            ]
            yield f"replica {number} ended by itself with code {code}; last words of its processes: {said}"


def _spinning(fleet: Fleet) -> Iterator[str]:
    """Cards that look as if something were to come, whether or not their question was acked."""
    for card in fleet.place.sandbox.cards.values():
        if spins(card):
            yield f"card {card.id} of {card.robot} is left open"


def _books(fleet: Fleet) -> Iterator[str]:
    rows = {
        (robot, message_id): (state, outcome, lease)
        for robot, message_id, state, outcome, lease in fleet.rows(
            "SELECT robot, message_id, state, outcome, lease_until FROM questions"
        )
    }
    for (_, message_id), (state, outcome, lease) in rows.items():
        if state != "closed" or outcome is None or lease:
            yield f"{message_id}: the database has it as {state}, {outcome}, held until {lease}"
    remembered = dict(fleet.rows("SELECT question, COUNT(*) FROM turns GROUP BY question"))
    for said in accepted(fleet.place):
        row = rows.get((said.robot, said.id))
        if row is None:
            yield f"{said.text}: was acked, and is not in the database"
            continue
        card = card_of(fleet.place, said)
        how = None if card is None else ending(card)
        if how in {"answered", "failed", "stopped"} and how != row[1]:
            yield f"{said.text}: its card is {how}, and the database says {row[1]}"
        if remembered.get(said.text, 0) > 1:
            yield f"{said.text}: is remembered {remembered[said.text]} times"
    counted = calls(fleet)
    if not counted.least <= counted.stored <= counted.most:
        yield f"the month's calls: {counted}"
