"""What is told of a storm over replicas: what befell them, what was promised, and how long people waited."""

import statistics
from collections import Counter

from actors.sandbox.scenario import Scenario
from tests.actors.endings import ending
from tests.chaos.promises import accepted, card_of, runs_of, unacked
from tests.cluster.fleet import Fleet, What
from tests.cluster.ledger import calls


def told(fleet: Fleet, planned: Scenario, wrong: list[str]) -> str:
    """A page about one storm."""
    place = fleet.place
    took, lost = accepted(place), unacked(place)
    ends = Counter("message" if (card := card_of(place, said)) is None else ending(card) for said in took)
    acks = sorted(push.seconds for push in place.sandbox.acks if push.seconds is not None)
    runs = runs_of(place)
    counted = calls(fleet)
    again = sum(len(at) > 1 for at in runs.values())
    doubles = sum(len(said.pushes) - 1 for said in took)
    befell = "\n".join(
        f"| {what} | {len(those)} | {max((each.ended - each.began for each in those), default=0.0):.1f} |"
        for what in What
        for those in [[each for each in fleet.troubles if each.what is what]]
    )
    broken = "\n".join(f"- {each}" for each in wrong) or "Every promise was kept."
    return f"""{planned.name}, {planned.seconds:.0f} s, {len(planned.happenings)} happenings

| befell | times | longest, s, until all that was hit was ready again |
| --- | ---: | ---: |
{befell}

{len(took)} questions were acked ({", ".join(f"{count} {how}" for how, count in ends.most_common())}), {doubles} pushes
of them were repeats; {len(lost)} were not acked, each while something was wrong where it came. {again} answers were
begun again, the most often {max(map(len, runs.values()), default=0)} times. Acks: median
{1000 * statistics.median(acks):.0f} ms, 99 % {1000 * acks[int(0.99 * len(acks))]:.0f} ms, longest {acks[-1]:.2f} s.
Calls of the month: {counted.stored} in the database, where {counted.least} to {counted.most} may be.

{broken}
"""
