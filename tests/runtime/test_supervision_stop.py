"""The ordered stop: stage by stage, under one deadline, and nothing that hangs is waited for."""

import threading
from queue import SimpleQueue
from typing import Any, ClassVar

import pytest

from actors.core.restart import Forget, Restart, RestartAfter
from actors.runtime.actor import Reason, Ref, Terminated, tell
from actors.runtime.supervision import StartChild, StopOverdue
from tests.runtime.nursery import CRASH, TROUBLE, Nursery, Supervised, answers, spec, stuck
from tests.runtime.troupe import PATIENCE, Do, Player, fail


@pytest.fixture
def nursery() -> Supervised:
    return Supervised()


def begin_stop(nursery: Supervised, within: float = PATIENCE) -> None:
    nursery.does(lambda sup: sup.begin_stop(within))


def rest_of_diary(nursery: Supervised) -> list[Any]:
    """What is written up to the end of the supervisor's life."""
    nursery.chronicle.next()
    lines = []
    while not nursery.diary.empty():
        lines.append(nursery.diary.get())
    return lines


def test_a_supervisor_without_children_stops_at_once(nursery: Supervised) -> None:
    begin_stop(nursery)
    assert nursery.chronicle.next().reason is Reason.NORMAL


def test_the_supervisor_ends_when_its_last_child_has(nursery: Supervised) -> None:
    nursery.begins(spec("one"), spec("other"))
    children = [nursery.child("one"), nursery.child("other")]
    begin_stop(nursery)
    nursery.chronicle.next()
    assert [child.is_alive() for child in children] == [False, False]


def test_the_highest_stage_stops_first(nursery: Supervised) -> None:
    nursery.begins(spec("cellar", stage=0), spec("roof", stage=2), spec("floor", stage=1))
    begin_stop(nursery)
    ended = [line[1] for line in rest_of_diary(nursery) if line[0] == "ended"]
    assert ended == ["roof", "floor", "cellar"]


def test_a_stage_is_not_told_to_stop_before_the_one_above_is_gone(nursery: Supervised) -> None:
    nursery.begins(spec("cellar", stage=0), spec("roof", stage=1))
    with stuck(nursery.child("roof")):
        begin_stop(nursery)
        assert answers(nursery.child("cellar"))
    assert nursery.chronicle.next().reason is Reason.NORMAL


def test_the_children_of_one_stage_stop_at_the_same_time(nursery: Supervised) -> None:
    both_cleaning = threading.Barrier(2)

    def start(parent: Ref) -> Ref:
        return Player.start(parent, cleanup=lambda: both_cleaning.wait(PATIENCE))

    nursery.begins(spec("one", start=start), spec("other", start=start))
    begin_stop(nursery)
    reasons = [line[2] for line in rest_of_diary(nursery) if line[0] == "ended"]
    assert reasons == [Reason.NORMAL, Reason.NORMAL]


def test_nothing_begins_during_the_stop(nursery: Supervised) -> None:
    nursery.begins(spec("one"))
    with stuck(nursery.child("one")):
        begin_stop(nursery)
        assert nursery.does(lambda sup: sup.begin(spec("late"))) is False


def test_what_waits_to_be_started_again_is_not_started_during_the_stop(nursery: Supervised) -> None:
    nursery.begins(spec("waiting"), spec("living"))
    nursery.end_of("waiting", TROUBLE)
    with stuck(nursery.child("living")):
        begin_stop(nursery)
        nursery.timers.fire(StartChild)
        assert nursery.quiet


def test_what_waits_to_be_started_again_does_not_hold_up_the_stop(nursery: Supervised) -> None:
    nursery.begins(spec("waiting"))
    nursery.end_of("waiting", TROUBLE)
    begin_stop(nursery)
    assert rest_of_diary(nursery) == [("all stopped", ())]


def test_a_child_of_a_lower_stage_that_dies_meanwhile_is_not_started_again(nursery: Supervised) -> None:
    nursery.begins(spec("cellar", stage=0), spec("roof", stage=1))
    with stuck(nursery.child("roof")):
        begin_stop(nursery)
        assert nursery.end_of("cellar", CRASH) == ("ended", "cellar", Reason.FAILED, Forget())


def test_a_second_order_to_stop_changes_nothing(nursery: Supervised) -> None:
    nursery.begins(spec("one"))
    with stuck(nursery.child("one")):
        begin_stop(nursery)
        begin_stop(nursery)
        assert len(nursery.timers.delays(StopOverdue)) == 2
    assert rest_of_diary(nursery) == [("ended", "one", Reason.NORMAL, Forget()), ("all stopped", ())]


def test_each_child_has_its_own_time_and_all_have_theirs(nursery: Supervised) -> None:
    nursery.begins(spec("quick", shutdown=1.0), spec("slow", shutdown=7.0))
    with stuck(nursery.child("quick")), stuck(nursery.child("slow")):
        begin_stop(nursery, within=25.0)
        assert sorted(nursery.timers.delays(StopOverdue)) == [1.0, 7.0, 25.0]


def overdue(nursery: Supervised, whom: Ref | None) -> None:
    """The time is over for one child, or for all."""
    tell(nursery.ref, StopOverdue(whom))


def test_sup_stop_timeout_a_child_that_does_not_stop_in_time_is_left_behind(nursery: Supervised) -> None:
    nursery.begins(spec("hanging"), spec("other"))
    hanging = nursery.child("hanging")
    with stuck(hanging):
        begin_stop(nursery)
        nursery.next()
        overdue(nursery, hanging)
        assert rest_of_diary(nursery) == [
            ("ended", "hanging", Reason.LEAKED, Forget()),
            ("all stopped", ("hanging",)),
        ]


def test_sup_stop_brutal_kill_is_to_go_on_without_and_the_next_stage_follows(nursery: Supervised) -> None:
    nursery.begins(spec("cellar", stage=0), spec("hanging", stage=1))
    hanging = nursery.child("hanging")
    with stuck(hanging):
        begin_stop(nursery)
        overdue(nursery, hanging)
        assert rest_of_diary(nursery) == [
            ("ended", "hanging", Reason.LEAKED, Forget()),
            ("ended", "cellar", Reason.NORMAL, Forget()),
            ("all stopped", ("hanging",)),
        ]


def test_when_the_time_of_all_is_over_lower_stages_are_told_to_stop_before_they_are_left_behind(
    nursery: Supervised,
) -> None:
    nursery.begins(spec("cellar", stage=0), spec("roof", stage=1))
    cellar, roof = nursery.child("cellar"), nursery.child("roof")
    with stuck(roof), stuck(cellar):
        begin_stop(nursery)
        overdue(nursery, None)
        assert rest_of_diary(nursery)[-1] == ("all stopped", ("roof", "cellar"))
    assert cellar.actor_stopped.wait(PATIENCE)


def test_the_late_end_of_a_child_that_was_left_behind_is_ignored(nursery: Supervised) -> None:
    nursery.begins(spec("hanging", stage=1), spec("other", stage=0))
    hanging, other = nursery.child("hanging"), nursery.child("other")
    with stuck(other):
        with stuck(hanging):
            begin_stop(nursery)
            overdue(nursery, hanging)
            assert nursery.next() == ("ended", "hanging", Reason.LEAKED, Forget())
        assert hanging.actor_stopped.wait(PATIENCE)
    assert rest_of_diary(nursery) == [("ended", "other", Reason.NORMAL, Forget()), ("all stopped", ("hanging",))]


def test_a_time_that_is_over_for_a_child_that_has_stopped_changes_nothing(nursery: Supervised) -> None:
    nursery.begins(spec("one"), spec("other"))
    one = nursery.child("one")
    nursery.does(lambda sup: sup.end("one"))
    nursery.next()
    overdue(nursery, one)
    assert nursery.quiet


def test_a_child_that_hangs_while_it_is_ended_alone_is_left_behind_and_its_id_is_free(nursery: Supervised) -> None:
    nursery.begins(spec("hanging"))
    with stuck(nursery.child("hanging")):
        nursery.does(lambda sup: sup.end("hanging"))
        nursery.timers.fire(StopOverdue)
        assert nursery.next() == ("ended", "hanging", Reason.LEAKED, Forget())
        nursery.begins(spec("hanging"))


def test_child_unlink_a_child_that_reports_to_somebody_else_is_not_waited_for(nursery: Supervised) -> None:
    nursery.begins(spec("naughty", start=lambda parent: Player.start(lambda death: None)))
    naughty = nursery.child("naughty")
    begin_stop(nursery)
    overdue(nursery, naughty)
    assert rest_of_diary(nursery)[-1] == ("all stopped", ("naughty",))


def test_a_parked_child_does_not_hold_up_the_stop(nursery: Supervised) -> None:
    nursery.begins(spec("parked"))
    nursery.does(lambda sup: sup.park("parked"))
    nursery.next()
    begin_stop(nursery)
    assert rest_of_diary(nursery) == [("all stopped", ())]


class Gentle(Nursery):
    """Asks its children to come home, in words of its own."""

    def order_stop(self, name: str, ref: Ref) -> None:
        tell(ref, Do(lambda player: (self._diary.put(("came home", name)), player.stop())))  # type: ignore[func-returns-value]


def test_a_subclass_has_its_own_words_for_a_stop() -> None:
    nursery = Supervised(Gentle)
    nursery.begins(spec("one"))
    begin_stop(nursery)
    assert rest_of_diary(nursery) == [
        ("came home", "one"),
        ("ended", "one", Reason.NORMAL, Forget()),
        ("all stopped", ()),
    ]


def test_each_child_is_told_once_to_stop() -> None:
    nursery = Supervised(Gentle)
    nursery.begins(spec("one"), spec("two"), spec("three"))
    begin_stop(nursery)
    told = [name for event, name, *_ in rest_of_diary(nursery) if event == "came home"]
    assert sorted(told) == ["one", "three", "two"]


class Closing(Nursery):
    """Stops as soon as the first child has ended."""

    def child_ended(self, name: str, terminated: Terminated, decision: RestartAfter | Forget | Any) -> None:
        super().child_ended(name, terminated, decision)
        self.begin_stop(PATIENCE)


def test_a_stop_that_begins_at_the_news_of_the_last_childs_end_ends_once() -> None:
    nursery = Supervised(Closing)
    nursery.begins(spec("only", restart=Restart.TEMPORARY))
    nursery.end_of("only", None)
    assert rest_of_diary(nursery) == [("all stopped", ())]


class Impatient(Nursery):
    """Gives the children that it leaves behind hardly any time."""

    patience: ClassVar[float] = 0.0


def test_a_supervisor_that_fails_stops_its_children(nursery: Supervised) -> None:
    nursery.begins(spec("one"), spec("other"))
    children = [nursery.child("one"), nursery.child("other")]
    tell(nursery.ref, Do(fail(CRASH)))
    assert nursery.chronicle.next().error is CRASH
    assert [child.is_alive() for child in children] == [False, False]


def test_a_supervisor_that_fails_does_not_wait_for_a_child_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    nursery = Supervised(Impatient)
    nursery.begins(spec("hanging"))
    with stuck(nursery.child("hanging")):
        tell(nursery.ref, Do(fail(CRASH)))
        assert nursery.chronicle.next().error is CRASH
    assert "hanging does not stop" in caplog.text


def test_a_supervisor_that_fails_releases_all_that_ran_for_its_children_and_itself(nursery: Supervised) -> None:
    nursery.begins(spec("one"))
    one = nursery.child("one")
    tell(nursery.ref, Do(fail(CRASH)))
    nursery.chronicle.next()
    assert nursery.timers.released == [one, nursery.ref]


class HalfSetUp(Nursery):
    """Fails after its first child has begun."""

    born: ClassVar[SimpleQueue[Ref]] = SimpleQueue()

    def setup(self) -> None:
        self.begin(spec("firstborn"))
        child = self.children["firstborn"].ref
        assert child is not None
        self.born.put(child)
        raise CRASH


def test_a_supervisor_that_fails_in_its_setup_stops_the_children_that_it_has() -> None:
    nursery = Supervised(HalfSetUp)
    assert nursery.chronicle.next().reason is Reason.FAILED_START
    assert not HalfSetUp.born.get(timeout=PATIENCE).is_alive()
