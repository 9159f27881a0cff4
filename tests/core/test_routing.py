"""The table by which no question falls between two actors."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from actors.core import routing
from actors.core.routing import ABSENT, Action, Phase, Route


def test_work_for_an_absent_conversation_spawns_its_actor() -> None:
    assert routing.work(ABSENT) == (Route(Phase.ACTIVE), Action.SPAWN)


def test_work_for_an_active_conversation_is_told() -> None:
    assert routing.work(Route(Phase.ACTIVE, told=2)) == (Route(Phase.ACTIVE, told=3), Action.TELL)


def test_an_idle_actor_that_saw_every_signal_is_stopped() -> None:
    assert routing.idle(Route(Phase.ACTIVE, told=3), seen=3) == (Route(Phase.STOPPING), Action.STOP)


def test_an_idle_actor_that_has_not_seen_every_signal_stays() -> None:
    route = Route(Phase.ACTIVE, told=4)
    assert routing.idle(route, seen=3) == (route, Action.NOTHING)


def test_work_for_a_stopping_conversation_is_remembered() -> None:
    assert routing.work(Route(Phase.STOPPING)) == (Route(Phase.RECALLED), Action.NOTHING)


def test_a_recalled_conversation_is_spawned_anew_when_its_actor_is_gone() -> None:
    assert routing.ended(Route(Phase.RECALLED), crashed=False) == (Route(Phase.ACTIVE), Action.SPAWN)


def test_a_stopped_conversation_is_absent() -> None:
    assert routing.ended(Route(Phase.STOPPING), crashed=False) == (ABSENT, Action.NOTHING)


def test_a_crashed_conversation_is_recovered() -> None:
    assert routing.ended(Route(Phase.ACTIVE, told=1), crashed=True) == (ABSENT, Action.RECOVER)


@dataclass
class Town:
    """A supervisor, one conversation's actor and its inbox, each step of which may happen at any time."""

    route: Route = ABSENT
    inbox: int = 0
    alive: bool = False
    mailbox: list[str] = field(default_factory=list)
    seen: int = 0
    idle_reports: list[int] = field(default_factory=list)

    def act(self, action: Action) -> None:
        if action is Action.SPAWN:
            assert not self.alive
            self.alive, self.seen, self.mailbox = True, 0, ["look"]
        elif action is Action.TELL:
            self.mailbox.append("told")
        elif action is Action.STOP:
            self.mailbox.append("stop")

    def question_arrives(self) -> None:
        self.inbox += 1
        self.route, action = routing.work(self.route)
        self.act(action)

    def actor_steps(self) -> None:
        if not self.alive or not self.mailbox:
            return
        message = self.mailbox.pop(0)
        if message == "stop":
            self.alive, self.mailbox, self.idle_reports = False, [], []
            self.route, action = routing.ended(self.route, crashed=False)
            self.act(action)
            return
        self.seen += message == "told"
        self.inbox = 0
        self.idle_reports.append(self.seen)

    def supervisor_hears_of_idleness(self) -> None:
        if self.idle_reports:
            self.route, action = routing.idle(self.route, self.idle_reports.pop(0))
            self.act(action)


STEPS = (Town.question_arrives, Town.actor_steps, Town.supervisor_hears_of_idleness)


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_no_order_of_arrivals_and_idle_stops_leaves_a_question_lying(steps: list[object]) -> None:
    town = Town()
    for step in steps:
        step(town)  # type: ignore[operator]
    while town.mailbox or town.idle_reports:
        town.actor_steps()
        town.supervisor_hears_of_idleness()
    assert town.inbox == 0


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_a_quiet_conversation_always_ends_absent(steps: list[object]) -> None:
    town = Town()
    for step in steps:
        step(town)  # type: ignore[operator]
    while town.mailbox or town.idle_reports:
        town.actor_steps()
        town.supervisor_hears_of_idleness()
    assert town.route == ABSENT
