"""The month's calls: counted across kill -9, saved as they run out; once there are none left, answers still arrive."""

import json
import sqlite3

from actors.sandbox.records import Call
from tests.actors.conftest import eventually
from tests.chaos.conftest import Place, Running
from tests.chaos.promises import SETTINGS, Allowed, accepted, card_of, kept, messages_for
from tests.chaos.test_overload import updates

LIMIT = 100
COUNTED = ("create", "streaming", "update", "oto", "group")
FIRST_AND_LAST = ["create", "streaming", "update"]
"""The calls of an answer that is shown once, whole: its card is made, takes the text, and is closed."""

ANSWER = "9x0.12"
USED_UP = "Forbidden.AccessDenied.ApiCountLimitForOrg"
WATCHED = SETTINGS | {"OPENAPI_MONTHLY_QUOTA": str(LIMIT), "CARD_MAX_UPDATES": "10"}


def counted(place: Place) -> list[Call]:
    """The calls that the platform counts."""
    return [call for call in place.sandbox.calls if call.api in COUNTED and call.status == 200]


def stored(place: Place) -> int:
    """What the service has on disk of them."""
    with sqlite3.connect(place.folder / "inbox.db") as inbox:
        return sum(calls for (calls,) in inbox.execute("SELECT counted FROM calls"))


def told(service: Running) -> list[int]:
    """The percents of the quota that an operator was told of."""
    lines = (json.loads(line) for line in service.output)
    return [line["percent"] for line in lines if line.get("action") == "quota_runs_out"]


async def all_is_stored(place: Place) -> None:
    """Wait until the service has counted on disk what the platform counted."""

    async def equal() -> bool:
        return stored(place) == len(counted(place))

    await eventually(equal)


async def answered(place: Place, name: str) -> list[Call]:
    """Somebody new asks, who stands in no line, and is answered; returns the calls that it took."""
    before = len(counted(place))
    place.ask(f"{name} {ANSWER}", sender=name)
    await kept(place, Allowed(deaths=1))
    return counted(place)[before:]


async def test_the_months_calls_run_out_across_kill_9_and_every_answer_has_its_first_and_final_card(
    place: Place,
) -> None:
    service = await place.serve(**WATCHED)
    took = [len(await answered(place, f"问{number}")) for number in range(2)]
    await all_is_stored(place)
    known = stored(place)
    await answered(place, "断")
    again = await place.serve_after_kill_9(service, **WATCHED)
    assert known <= stored(place) <= len(counted(place))
    lost = len(counted(place)) - stored(place)
    while len(counted(place)) - lost < LIMIT:
        took.append(len(await answered(place, f"后{len(took)}")))
    for number in range(2):
        last = await answered(place, f"尽{number}")
        assert [call.api for call in last] == FIRST_AND_LAST
    assert max(took) > took[-1]
    assert told(service)[:1] in ([], [80])
    assert told(again)[-1] == 100
    assert len(set(told(again))) == len(told(again))


async def test_answers_arrive_as_messages_while_dingtalk_has_no_calls_left_and_on_cards_again_after_that(
    place: Place,
) -> None:
    await place.serve(**SETTINGS)
    place.ask("中 30x0.1", sender="li")
    await place.card("li", calls=2)
    for api in COUNTED:
        place.sandbox.fail(api, status=403, code=USED_UP, times=None)
    tried = len(place.sandbox.calls)
    for number in range(3):
        place.ask(f"没{number} {ANSWER}", sender=f"p{number}")
    await place.sandbox.until(lambda: all(messages_for(place, said) for said in accepted(place)), 60.0)
    assert len(place.sandbox.messages) == 4
    assert "——完" in messages_for(place, accepted(place)[0])[0]
    refused = [call for call in place.sandbox.calls[tried:] if call.code == USED_UP]
    assert len(refused) < 12
    place.sandbox.heal()
    place.sandbox.said.remove(accepted(place)[0])  # nothing could be done with its card any more
    place.ask(f"又有 {ANSWER}")
    await kept(place)
    card = card_of(place, accepted(place)[-1])
    assert card is not None
    assert updates(card) > 1
