"""One of DingTalk's calls has trouble, once, for a while or for ever: a robot for every case of the matrix in `calls`,
many of them in one service. Every answer arrives once, as the table tells; no call is repeated where that cannot help;
and when the platform is well again, so is everybody, with no restart."""

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.sandbox.records import Call, Said
from actors.sandbox.troubles import TROUBLES
from tests.chaos.calls import CALLS, DURATIONS, PASSING, TRIES, UNKNOWN, Case, End, applicable, cases, parts
from tests.chaos.conftest import KINDS, Place, placed, some
from tests.chaos.promises import SETTINGS, Allowed, accepted, broken, card_of, end_of, messages_for, settled
from tests.chaos.scaled import AGAIN_AFTER, BAN_PAUSE

SERVICE = (sys.executable, "-m", "tests.chaos.scaled")
HURRIED = SETTINGS | {
    "OPENAPI_RETRY_ATTEMPTS": str(TRIES),
    "OPENAPI_RETRY_INITIAL": "0.1",
    "OPENAPI_RETRY_JITTER": "0",
    "OPENAPI_TIMEOUT": "4",
    "ATTACHMENT_TIMEOUT": "10",
}
PATIENCE = 60.0
BARE, OPEN = "answered, but with the buttons []", "not over"
ARRIVAL = {
    End.CARD: "answered, no message",
    End.BARE: f"{BARE}, no message",
    End.BARE_AT_FIRST: "answered, no message",
    End.BESIDE: "sent beside, message",
    End.MESSAGE: "no card, message",
    End.OPEN: f"{OPEN}, message",
    End.OPEN_AT_FIRST: "sent beside, message",
    End.LATER_CARD: "answered, no message",
    End.LATER_MESSAGE: "no card, message",
    End.LAST_MESSAGE: "no card, message",
}
AT_FIRST = {End.BARE_AT_FIRST: End.BARE, End.OPEN_AT_FIRST: End.OPEN}
LATER = {End.LATER_CARD, End.LATER_MESSAGE}
LAST = {End.LAST_MESSAGE}
REFUSED: dict[str, Any] = {"status": 400, "code": "param.error"}
CARD_CALLS = {"create", "streaming", "final", "update", "standard", "standard-update", "create-alone", "final-alone"}
"""Those that turn a robot to text for an hour where their permission is missing."""
LAG = 0.7
"""Seconds by which the service may hear of a ban, or forget it, too late or too early."""
BAN = TROUBLES["ban"].order


def test_every_pair_of_a_call_and_a_trouble_has_its_place_in_the_matrix() -> None:
    places = Counter((case.call, case.trouble, case.duration) for case in cases())
    assert places == Counter((call, trouble, each) for call, trouble in applicable() for each in DURATIONS)


@pytest.mark.parametrize("part", some(range(len(DURATIONS))))
async def test_every_answer_arrives_as_the_matrix_tells(tmp_path: Path, part: int) -> None:
    every = parts()[part]
    async with serving(tmp_path, every) as place:
        for case in every:
            await order(place, case, TROUBLES[case.trouble].order)
        await everybody_asks(place, every)
        at_first = [replace(case, end=AT_FIRST.get(case.end, case.end)) for case in every]
        await arrived(place, [case for case in at_first if case.end not in LATER | LAST])
        assert there(place, every, {*LATER, *LAST, *AT_FIRST}) == []
        for case in every:
            place.sandbox.heal(CALLS[case.call].api, robot=place.robots[case.name])
        await arrived(place, [case for case in every if case.end not in LAST])
        assert there(place, every, LAST) == []
        place.sandbox.heal()
        await arrived(place, every)
        lasted = [case for case in every if case.duration == "ever"]
        await everybody_asks(place, lasted, again=True)
        await arrived(place, lasted)
        assert {case.name: told for case in every if (told := [*wrong(place, case), *repeated(place, case)])} == {}


async def test_an_answer_waits_for_the_end_of_a_ban(tmp_path: Path) -> None:
    """One after the other, for the word of a ban holds for all robots of the process."""
    every = [banned(call, "once" if number % 2 else "while") for number, call in enumerate(some(list(CALLS), 3))]
    async with serving(tmp_path, every) as place:
        for case in every:
            await order(place, case, BAN)
            await everybody_asks(place, [case])
            await arrived(place, [case])
            place.sandbox.heal()
        assert {case.name: told for case in every if (told := list(wrong(place, case)))} == {}
        assert [case.name for case in every if not any(map(is_ban, calls(place, case)))] == []
        assert list(heedless(place)) == []


async def test_a_ban_of_everybody_is_waited_for_by_everybody(tmp_path: Path) -> None:
    every = [banned(call, "ever") for call in CALLS]
    async with serving(tmp_path, every) as place:
        for case in every:
            await order(place, case, BAN)
        await everybody_asks(place, every)
        await place.sandbox.until(lambda: lasted(place) > 1.5 * BAN_PAUSE, PATIENCE)
        place.sandbox.heal()
        await arrived(place, every)
        assert {case.name: told for case in every if (told := broken(home(place, case), Allowed()))} == {}
        assert list(heedless(place)) == []


@asynccontextmanager
async def serving(folder: Path, every: Sequence[Case]) -> AsyncIterator[Place]:
    """A place with a robot for each case, all served by one process."""
    known = {case.name: KINDS[CALLS[case.call].kind] for case in every}
    async with placed(folder, *known, known=known) as place:
        await place.serve(*SERVICE, **HURRIED)
        yield place


async def order(place: Place, case: Case, trouble: Mapping[str, Any]) -> None:
    """Order the trouble of a case; a robot whose token has trouble is made to need one."""
    call, robot, fail = CALLS[case.call], place.robots[case.name], place.sandbox.fail
    for api in call.without:
        fail(api, times=None, robot=robot, **(TROUBLES["errcode"].order if api == "webhook" else REFUSED))
    if call.api == "token":
        await place.sandbox.until(
            lambda: any(each.status for each in calls(place, case) if each.api == "token"), PATIENCE
        )
        place.sandbox.expire_tokens(robot)
    fail(call.api, times=DURATIONS[case.duration], match=dict(call.match), robot=robot, **trouble)


async def everybody_asks(place: Place, some_cases: Iterable[Case], *, again: bool = False) -> None:
    """Everybody asks for an answer that takes a few updates, in a group or with a picture where the case is about that,
    one after the other, so that all trouble is the ordered one: what is busy is no trouble."""
    for case in some_cases:
        robot, group = place.robots[case.name], case.name if case.call == "group" else None
        text = f"{case.name}{'-again' if again else ''} 3x0.1"
        if case.call == "download":
            code = place.sandbox.attach(b"\x89PNG\r\n\x1a\n", "a.png", "image/png")
            content = {"richText": [{"text": text}, {"type": "picture", "downloadCode": code}]}
            place.sandbox.say(text, robot=robot, msgtype="richText", content=content)
        else:
            place.sandbox.say(text, robot=robot, group=group)
        said = place.sandbox.said[-1]
        await place.sandbox.until(lambda: said.acked, PATIENCE)  # noqa: B023 - awaited before the next
        await asyncio.sleep(0.02)


async def arrived(place: Place, some_cases: Iterable[Case]) -> None:
    """Wait until all these answers have arrived."""
    waiting = list(some_cases)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            # To look at every change would take most of the time.
            while waiting := [case for case in waiting if not has_arrived(place, case)]:  # noqa: ASYNC110
                await asyncio.sleep(0.25)
    assert {case.name: list(wrong(place, case)) for case in waiting} == {}


def there(place: Place, every: Iterable[Case], ends: Collection[End]) -> list[str]:
    """The cases of these ends whose answers have them already."""
    return [case.name for case in every if case.end in ends and has_arrived(place, case)]


def home(place: Place, case: Case) -> Place:
    """The place as if this case's robot were its only one."""
    return replace(place, robots={case.name: place.robots[case.name]})


def calls(place: Place, case: Case) -> Iterator[Call]:
    """What this case's robot called."""
    return (call for call in place.sandbox.calls if call.robot == place.robots[case.name])


def allowed(case: Case) -> Allowed:
    """What the promises allow in a case."""
    ends = {"answered", *([BARE] if case.end is End.BARE else [])}
    return Allowed(ends=frozenset(ends), messages=case.copies, unconfirmed=case.trouble in UNKNOWN)


def has_arrived(place: Place, case: Case) -> bool:
    own = home(place, case)
    if case.end is End.OPEN:
        return all(messages_for(own, said) for said in accepted(own)[:1])
    return settled(own, allowed(case))


def wrong(place: Place, case: Case) -> Iterator[str]:
    """What is not as the table tells, or as promised."""
    own, may = home(place, case), allowed(case)
    said, *again = accepted(own)
    yield from (told for told in broken(own, may) if case.end is not End.OPEN or OPEN not in told)
    if how(own, said, may) != ARRIVAL[case.end]:
        yield f"{case.end.name} expected, but it is: {how(own, said, may)}"
    as_text = case.trouble == "permission" and case.call in CARD_CALLS
    for each in again:
        if how(own, each, may) != ARRIVAL[End.MESSAGE if as_text else End.CARD]:
            yield f"the next answer is: {how(own, each, may)}"


def how(place: Place, said: Said, may: Allowed) -> str:
    """How an answer arrived, as in ARRIVAL."""
    card = card_of(place, said)
    end = "no card" if card is None else end_of(card, may)
    return f"{OPEN if end.startswith(OPEN) else end}, {'message' if messages_for(place, said) else 'no message'}"


def repeated(place: Place, case: Case) -> Iterator[str]:
    """Calls that were made more often than can help. What is given back is tried again, each time as often."""
    most = TRIES if case.trouble in (*PASSING, *UNKNOWN) else 2 if case.trouble == "credentials" else 1
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for call in calls(place, case):
        if call.api not in {"open", "token", "file"}:  # whatever needs a token asks for one
            times[call.api, json.dumps(call.body)].append(call.at)
    for (api, body), at in times.items():
        rounds = 1 + int((at[-1] - at[0]) / (0.8 * AGAIN_AFTER))
        if api == "download":  # tried ahead, and once more when the agent needs it
            rounds += 1
        if len(at) > most * rounds:
            yield f"{api} was called {len(at)} times with {body}"


def banned(call: str, duration: str) -> Case:
    """A ban that a call is told of: answers wait for its end, for nothing can be sent."""
    return Case(call, "ban", duration, End.MESSAGE if call in {"webhook", "oto", "group"} else End.CARD)


def lasted(place: Place) -> float:
    """For how many seconds bans have been told of."""
    told = [call.at for call in place.sandbox.calls if is_ban(call)]
    return told[-1] - told[0] if told else 0.0


def is_ban(call: Call) -> bool:
    return call.status == BAN["status"] and not call.code


def heedless(place: Place) -> Iterator[str]:
    """Calls that were made in spite of a ban; what was on its way when it came is none. Connections are not called, and
    files lie elsewhere."""
    told = [call.at + (call.seconds or 0.0) for call in place.sandbox.calls if is_ban(call)]
    for call in place.sandbox.calls:
        late = [at for at in told if at + LAG < call.at < at + BAN_PAUSE - LAG]
        if late and call.api not in {"open", "file"}:
            yield f"{call.api} was called {call.at - late[0]:.2f} s after the word of a ban"
