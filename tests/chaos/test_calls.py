"""One of DingTalk's calls has trouble, once, for a while or for ever: a robot for every case of the matrix in `calls`,
many of them in one service. Every answer arrives once, as the table tells; no call is repeated where that cannot help;
and when the platform is well again, so is everybody, with no restart."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from contextlib import suppress
from pathlib import Path

import pytest

from actors.sandbox.records import Call as Made
from tests.chaos.calls import CALLS, DURATIONS, LASTING, TRIES, TROUBLES, UNKNOWN, Case, End, applicable, cases, parts
from tests.chaos.conftest import KINDS, Place, placed, some
from tests.chaos.promises import SETTINGS, Allowed, accepted, broken, card_of, end_of, messages_for, settled
from tests.chaos.scaled import SAY_AGAIN_AFTER

SERVICE = (sys.executable, "-m", "tests.chaos.scaled")
HURRIED = SETTINGS | {
    "OPENAPI_RETRY_ATTEMPTS": str(TRIES),
    "OPENAPI_RETRY_INITIAL": "0.1",
    "OPENAPI_RETRY_JITTER": "0",
    "OPENAPI_TIMEOUT": "2",
    "ATTACHMENT_TIMEOUT": "10",
}
BARE = "answered, but with the buttons []"
LATER = {End.LATER_CARD, End.LATER_MESSAGE}
LAST = {End.LAST_MESSAGE, End.LAST_BESIDE}
ARRIVAL = {
    End.CARD: "answered, 0 messages",
    End.BARE: f"{BARE}, 0 messages",
    End.BESIDE: "sent beside, 1 messages",
    End.MESSAGE: "no card, 1 messages",
    End.OPEN: "not over, 1 messages",
    End.LATER_CARD: "answered, 0 messages",
    End.LATER_MESSAGE: "no card, 1 messages",
    End.LAST_MESSAGE: "no card, 1 messages",
    End.LAST_BESIDE: "sent beside, 1 messages",
}
WITHOUT: dict[str, dict[str, object]] = {"webhook": TROUBLES["errcode"], "": {"status": 400, "code": "param.error"}}


def test_every_pair_of_a_call_and_a_trouble_has_its_place_in_the_matrix() -> None:
    places = Counter((case.call, case.trouble, case.duration) for case in cases())
    assert places == Counter((call, trouble, each) for call, trouble in applicable() for each in DURATIONS)


@pytest.mark.parametrize("part", some(range(len(DURATIONS))))
async def test_every_answer_arrives_as_the_matrix_tells(tmp_path: Path, part: int) -> None:
    every = parts()[part]
    known = {case.name: KINDS[case.kind] for case in every}
    async with placed(tmp_path, *known, known=known) as place:
        await place.serve(*SERVICE, **HURRIED)
        for case in every:
            await order(place, case)
        for case in every:
            ask(place, case)
            await asyncio.sleep(0.02)  # the trouble is to be the calls' alone
        await arrived(place, [case for case in every if case.end not in LATER | LAST])
        print("EARLY", [case.name for case in every if case.end in LATER | LAST and has_end(place, case)])
        for case in every:
            place.sandbox.heal(CALLS[case.call].api, robot=place.robots[case.name])
        await arrived(place, [case for case in every if case.end in LATER])
        print("EARLY2", [case.name for case in every if case.end in LAST and has_end(place, case)])
        place.sandbox.heal()
        await arrived(place, every)
        bad = {case.name: told for case in every if (told := [*wrong(place, case), *repeated(place, case)])}
        for k, v in bad.items():
            print(k, "|", *v, sep="  ##  ")
        assert not bad


async def order(place: Place, case: Case) -> None:
    """Order the trouble of a case; a robot whose token has trouble is made to need one."""
    call, robot = CALLS[case.call], place.robots[case.name]
    for api in call.without:
        place.sandbox.fail(api, times=None, robot=robot, **WITHOUT.get(api, WITHOUT[""]))  # type: ignore[arg-type]
    if call.api == "token":
        fetched = Made("token", robot, 0.0, {})
        await place.sandbox.until(
            lambda: any((each.api, each.robot, each.status) == ("token", robot, 200) for each in place.sandbox.calls)
        )
        place.sandbox.expire_tokens(robot)
    times = DURATIONS[case.duration]
    place.sandbox.fail(call.api, times=times, match=dict(call.match), robot=robot, **TROUBLES[case.trouble])


def ask(place: Place, case: Case) -> None:
    """Ask this case's robot for an answer that takes a few updates, in a group of its own or with a picture where that
    is what the case is about."""
    text, robot = f"{case.name} 5x0.1", place.robots[case.name]
    group = case.name if case.call == "group" else None
    if case.call == "download":
        code = place.sandbox.attach(b"\x89PNG\r\n\x1a\n", "a.png", "image/png")
        content = {"richText": [{"text": text}, {"type": "picture", "downloadCode": code}]}
        place.sandbox.say(text, robot=robot, msgtype="richText", content=content)
    else:
        place.sandbox.say(text, robot=robot, group=group)


async def arrived(place: Place, some_cases: Iterable[Case]) -> None:
    """Wait until all these answers have arrived; what is missing then is told as wrong."""
    waiting = list(some_cases)
    with suppress(TimeoutError):
        async with asyncio.timeout(25):
            while waiting := [case for case in waiting if not has_end(place, case)]:
                await asyncio.sleep(0.25)


def home(place: Place, case: Case) -> Place:
    """The place as if this case's robot were its only one."""
    return replace(place, robots={case.name: place.robots[case.name]})


def allowed(case: Case) -> Allowed:
    """What the promises allow in a case."""
    return Allowed(ends=frozenset({BARE if case.end is End.BARE else "answered"}), unconfirmed=case.trouble in UNKNOWN)


def has_end(place: Place, case: Case) -> bool:
    return settled(home(place, case), allowed(case))


def wrong(place: Place, case: Case) -> Iterator[str]:
    """What is not as the table tells, or as promised."""
    own, may = home(place, case), allowed(case)
    yield from broken(own, may)
    (said,) = accepted(own)
    card, messages = card_of(own, said), messages_for(own, said)
    how = "no card" if card is None else end_of(card, may)
    arrival = f"{how}, {len(messages)} messages"
    if arrival != ARRIVAL[case.end]:
        yield f"{case.end.name} expected, but it has {arrival}"


def repeated(place: Place, case: Case) -> Iterator[str]:
    yield from ()
