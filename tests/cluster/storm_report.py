"""What is told of a storm over replicas: what befell them, what was promised, and how long people waited."""

import json
import os
import statistics
from collections import Counter
from datetime import datetime

from actors.sandbox.records import Said
from actors.sandbox.scenario import Scenario
from tests.chaos.promises import Allowed, accepted, card_of, end_of, messages_for, runs, runs_of, unacked
from tests.cluster.fleet import Fleet, What
from tests.cluster.ledger import calls
from tests.cluster.weather import FROZEN, LEASE

LINES = ("abort", "close", "roll")


def told(fleet: Fleet, planned: Scenario, may: Allowed, wrong: list[str]) -> str:
    """A page about one storm, of which `may` is allowable."""
    place = fleet.place
    took, lost = accepted(place), unacked(place)
    ends = Counter("message" if (card := card_of(place, said)) is None else end_of(card, may) for said in took)
    acks = sorted(push.seconds for push in place.sandbox.acks if push.seconds is not None)
    began = runs_of(place)
    counted = calls(fleet)
    befell = "\n".join(
        f"| {what} | {len(those)} | {statistics.median(those) if those else 0.0:.1f} | {max(those, default=0.0):.1f} |"
        for what in What
        for those in [[each.ended - each.began for each in fleet.troubles if each.what is what]]
    )
    done = Counter(each.do for each in planned.happenings)
    stories = [story(fleet, said) for said in place.sandbox.said if any(said.text in each for each in wrong)]
    return f"""# {planned.name}

{planned.seconds:.0f} s, {len(planned.happenings)} happenings, {len(took) + len(lost)} questions.

| befell | times | ready again after, s, median | longest |
| --- | ---: | ---: | ---: |
{befell}

Also: {done["join"]} replicas came and {done["replace"]} were replaced, {done["sever"]} single connections to DingTalk
ended and {sum(done[each] for each in LINES)} times all of a robot, {done["fail"]} times calls of its API failed.

- **{len(took)} questions were acked**, each ended once, on its own card, in order:
  {", ".join(f"{count} {how}" for how, count in ends.most_common())}.
- {sum(len(said.pushes) - 1 for said in took)} of their pushes were repeats, to any replica, up to all of them at once.
- {len(lost)} were not acked: their connection or their replica was in trouble, or their senders were told to ask again.
- {sum(len(at) > 1 for at in began.values())} answers were begun again, by whoever took them over, the most often
  {max(map(len, began.values()), default=1)} times in all.
- Acks: median {1000 * statistics.median(acks):.0f} ms, 99 % {_rank(acks, 0.99):.2f} s, longest {acks[-1]:.2f} s;
  among them are those of replicas that stood still, for up to {FROZEN:g} s, with a question in their socket.
- Calls of the month: {counted.stored} in the database, where DingTalk's count and the crashes allow {counted.least}
  to {counted.most}.

{chr(10).join(f"- **broken**: {each}" for each in wrong) or "**Every promise was kept.**"}

{chr(10).join(stories)}"""


def how(command: str) -> str:
    """How it was had."""
    return f"""
## How this was had

`{command}`, on a machine with {os.cpu_count()} processors, which others used as well (load {os.getloadavg()[2]:.0f} in
the last quarter of an hour). Three replicas are real processes, with a robot for each kind of card. Each reaches a real
PostgreSQL by a TCP proxy of its own; DingTalk is the sandbox. `INBOX_LEASE` is {LEASE:g} s. A seed says what happens
and when. Troubles overlap, and a replica that ends is started again at once. A trouble is over when `/readyz` of all
that it hit says so again.

What is judged: for each question that was acked, one final answer, whole and its own, on one card or as a message; no
card left open, whosever; a person's answers in the order of the questions, where one was stored before the other came;
no agent run again but for what befell its holder, nor after its answer was finished; no question without an ack where
nothing was wrong, unless its sender was told to ask again; no replica that ended by itself; in the database every
question closed, as its card says, and remembered once; the month's calls, up to what crashes lose or count twice.
"""


def _rank(values: list[float], share: float) -> float:
    return values[int(share * len(values))]


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
