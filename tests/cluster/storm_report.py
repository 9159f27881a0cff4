"""What is told of a storm over replicas: what befell them, what was promised, and how long people waited."""

import json
import statistics
from collections import Counter
from datetime import datetime

from actors.sandbox.records import Said
from actors.sandbox.scenario import Scenario
from tests.actors.endings import ending
from tests.chaos.promises import accepted, card_of, messages_for, runs, runs_of, unacked
from tests.cluster.fleet import Fleet, What
from tests.cluster.ledger import calls


def told(fleet: Fleet, planned: Scenario, wrong: list[str]) -> str:
    """A page about one storm."""
    place = fleet.place
    took, lost = accepted(place), unacked(place)
    ends = Counter("message" if (card := card_of(place, said)) is None else ending(card) for said in took)
    acks = sorted(push.seconds for push in place.sandbox.acks if push.seconds is not None)
    began = runs_of(place)
    counted = calls(fleet)
    again = sum(len(at) > 1 for at in began.values())
    doubles = sum(len(said.pushes) - 1 for said in took)
    befell = "\n".join(
        f"| {what} | {len(those)} | {max((each.ended - each.began for each in those), default=0.0):.1f} |"
        for what in What
        for those in [[each for each in fleet.troubles if each.what is what]]
    )
    broken = "\n".join(f"- {each}" for each in wrong) or "Every promise was kept."
    stories = "\n".join(story(fleet, said) for said in place.sandbox.said if any(said.text in each for each in wrong))
    return f"""{planned.name}, {planned.seconds:.0f} s, {len(planned.happenings)} happenings

| befell | times | longest, s, until all that was hit was ready again |
| --- | ---: | ---: |
{befell}

{len(took)} questions were acked ({", ".join(f"{count} {how}" for how, count in ends.most_common())}), {doubles} pushes
of them were repeats; {len(lost)} were not acked, each while something was wrong where it came. {again} answers were
begun again, the most often {max(map(len, began.values()), default=0)} times. Acks: median
{1000 * statistics.median(acks):.0f} ms, 99 % {1000 * acks[int(0.99 * len(acks))]:.0f} ms, longest {acks[-1]:.2f} s.
Calls of the month: {counted.stored} in the database, where {counted.least} to {counted.most} may be.

{broken}

{stories}
"""


def story(fleet: Fleet, said: Said) -> str:
    """All that is known of one question, in seconds since it came."""
    place, card, came = fleet.place, card_of(fleet.place, said), said.at
    own = [(push.at, f"pushed, acked after {push.seconds} s") for push in said.pushes]
    own += [(each.at, f"{each.call}, {each.state}: {each.text!r}") for each in (card.versions if card else [])]
    own += [
        (call.at, f"call {call.api}, answered with {call.status} {call.code} after {call.seconds} s")
        for call in place.sandbox.calls
        if card is not None and call.body.get("outTrackId", call.body.get("cardBizId")) == card.id
    ]
    for running in place.started:
        who = f"replica {fleet.processes[running.process.pid]}"
        for line in map(json.loads, [line for line in running.output if f'"{said.id}"' in line]):
            at = datetime.fromisoformat(line["time"]).timestamp() - said.time + came
            own.append((at, f"{who}, turn {line.get('turn', '-')}: {line['message']}"))
    own += [
        (run["at"], f"replica {fleet.processes[run['process']]} runs the agent")
        for run in map(json.loads, runs(place))
        if run["text"] == said.text
    ]
    until = max((at for at, _ in own), default=came)
    befell = [
        (each.began, f"{each.what} {each.replica or ''}, for {each.ended - each.began:.1f} s")
        for each in fleet.troubles
        if each.meets(None, came, until)
    ]
    rows = fleet.rows(f"SELECT * FROM questions WHERE message_id = '{said.id}'")
    events = [f"{at - came:8.2f} {what}" for at, what in sorted(own + befell)]
    return "\n".join([f"{said.text} of {said.sender}", *events, f"{messages_for(place, said)}", f"{rows}"])
