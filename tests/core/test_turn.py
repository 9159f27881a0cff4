"""One turn's table: answered, apologised for, or given back, and in no other way."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core import texts
from actors.core.card import Face, State, answered, ended
from actors.core.turn import SAY_AGAIN_AFTER, Phase, Step, Turn, begin, excuse, resume, step
from actors.core.turn_words import (
    Action,
    AnswerSaid,
    AnswerStopped,
    AnswerStored,
    AnswerTorn,
    AnswerWhole,
    CardClosed,
    CardFinished,
    CardFull,
    CardRefused,
    CardThere,
    CloseCard,
    CreateCard,
    Done,
    DropUpdate,
    End,
    FinishCard,
    FinishFailed,
    Gather,
    GiveBack,
    Leave,
    Lost,
    RunAgent,
    Say,
    SayFailed,
    Settled,
    ShowLeaving,
    Stop,
    StopAgent,
    StoreAnswer,
    TurnEvent,
    Update,
    UpdateDue,
    UpdateEnded,
)

ANSWER = "明天发货。"
WHOLE = FinishCard(answered(ANSWER))
FULL = CardFull("明天……", "发货。")


def play(start: Step, *events: TurnEvent) -> Step:
    """What the last event leads to, after all events before it."""
    turn, actions = start
    for event in events:
        turn, actions = step(turn, event)
    return turn, actions


def after(*events: TurnEvent) -> tuple[Action, ...]:
    return play(begin(), *events)[1]


def test_card_and_agent_start_side_by_side() -> None:
    assert begin()[1] == (CreateCard(think=True), RunAgent())


def test_text_that_is_due_before_the_card_waits_for_it() -> None:
    assert after(UpdateDue()) == ()


def test_text_that_waited_is_shown_as_soon_as_the_card_is_there() -> None:
    assert after(UpdateDue(), CardThere()) == (Update(),)


def test_one_update_is_under_way_at_a_time() -> None:
    assert after(CardThere(), UpdateDue(), UpdateDue()) == ()


def test_an_update_that_fell_due_meanwhile_follows() -> None:
    assert after(CardThere(), UpdateDue(), UpdateDue(), UpdateEnded()) == (Update(),)


def test_the_answer_is_stored_before_any_final_call() -> None:
    assert after(CardThere(), AnswerWhole(ANSWER)) == (StoreAnswer(ANSWER, End.ANSWERED),)


def test_a_stored_answer_finishes_the_card() -> None:
    assert after(CardThere(), AnswerWhole(ANSWER), AnswerStored()) == (WHOLE,)


def test_an_answer_that_is_whole_before_the_card_waits_for_it() -> None:
    assert after(AnswerWhole(ANSWER), AnswerStored()) == ()


def test_a_card_that_comes_after_the_answer_is_finished_at_once() -> None:
    assert after(AnswerWhole(ANSWER), AnswerStored(), CardThere()) == (WHOLE,)


def test_an_update_under_way_is_withdrawn_for_the_final_text() -> None:
    assert after(CardThere(), UpdateDue(), AnswerWhole(ANSWER), AnswerStored()) == (DropUpdate(),)


def test_the_final_text_never_overtakes_an_update_on_the_wire() -> None:
    events = (CardThere(), UpdateDue(), AnswerWhole(ANSWER), AnswerStored(), UpdateEnded())
    assert after(*events) == (WHOLE,)


def test_a_finished_card_gets_its_closing_update_with_buttons_to_rate_it() -> None:
    events = (CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished())
    assert after(*events) == (CloseCard(Face(State.FINISHED, ANSWER, rateable=True)),)


def test_a_question_is_done_when_its_card_is_closed() -> None:
    assert after(CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished(), CardClosed()) == (
        Done(End.ANSWERED),
    )


def test_without_a_card_the_answer_goes_as_a_message() -> None:
    assert after(CardRefused(), AnswerWhole(ANSWER), AnswerStored()) == (Say(ANSWER),)


def test_a_card_that_cannot_be_finished_gives_way_to_a_message() -> None:
    assert after(CardThere(), AnswerWhole(ANSWER), AnswerStored(), FinishFailed()) == (Say(ANSWER),)


def test_a_card_whose_answer_went_as_a_message_says_so_and_spins_no_more() -> None:
    events = (CardThere(), AnswerWhole(ANSWER), AnswerStored(), FinishFailed(), AnswerSaid())
    assert after(*events) == (CloseCard(Face(State.FINISHED, texts.SENT_BESIDE)),)


def test_an_answer_that_nobody_takes_is_given_back_for_later() -> None:
    events = (CardThere(), AnswerWhole(ANSWER), AnswerStored(), FinishFailed(), SayFailed())
    assert after(*events) == (GiveBack(SAY_AGAIN_AFTER),)


def test_a_torn_answer_keeps_its_text_and_adds_the_apology() -> None:
    assert after(CardThere(), AnswerTorn("因为")) == (StoreAnswer(texts.torn("因为"), End.FAILED),)


def test_an_apology_has_no_buttons() -> None:
    events = (CardThere(), AnswerTorn(""), AnswerStored(), CardFinished())
    assert after(*events) == (CloseCard(Face(State.FAILED, texts.AGENT_FAILED, rateable=False)),)


def test_a_stored_answer_of_a_former_attempt_does_not_run_the_agent_again() -> None:
    assert resume(ANSWER, End.ANSWERED, last_try=False)[1] == (CreateCard(think=False),)


def test_a_stored_answer_is_finished_on_the_same_card() -> None:
    assert play(resume(ANSWER, End.ANSWERED, last_try=False), CardThere())[1] == (WHOLE,)


def test_a_card_that_a_former_attempt_may_have_finished_is_asked_before_a_message_goes() -> None:
    start = resume(ANSWER, End.ANSWERED, last_try=False)
    doubtful = CardRefused(maybe_there=True)
    assert play(start, doubtful)[1] == (WHOLE,)
    assert play(start, doubtful, CardFinished(), CardClosed())[1] == (Done(End.ANSWERED),)
    assert play(start, doubtful, FinishFailed())[1] == (Say(ANSWER),)


def test_an_excuse_is_stored_and_shown_like_an_answer() -> None:
    start = excuse(texts.EXPIRED, End.EXPIRED, last_try=True)
    assert play(start, AnswerStored(), CardThere())[1] == (FinishCard(ended(texts.EXPIRED, failed=True)),)


def test_a_question_that_is_too_old_is_closed_even_if_nobody_takes_the_word() -> None:
    start = excuse(texts.EXPIRED, End.EXPIRED, last_try=True)
    assert play(start, AnswerStored(), CardRefused(), SayFailed())[1] == (Done(End.EXPIRED),)


def test_a_question_that_is_too_old_leaves_no_card_spinning() -> None:
    start = resume(ANSWER, End.ANSWERED, last_try=True)
    (close,) = play(start, CardThere(), FinishFailed(), SayFailed())[1]
    assert isinstance(close, CloseCard)
    assert close.face.text == ANSWER


def test_a_card_that_may_be_there_is_closed_when_the_answer_went_as_a_message() -> None:
    events = (CardRefused(maybe_there=True), AnswerWhole(ANSWER), AnswerStored(), AnswerSaid())
    assert after(*events) == (CloseCard(Face(State.FINISHED, texts.SENT_BESIDE)),)


def test_a_card_that_was_refused_for_sure_is_left_alone() -> None:
    assert after(CardRefused(), AnswerWhole(ANSWER), AnswerStored(), AnswerSaid()) == (Done(End.ANSWERED),)


def test_no_update_goes_to_a_card_that_may_not_be_there() -> None:
    assert after(CardRefused(maybe_there=True), UpdateDue()) == ()


def test_leaving_tells_it_on_the_card() -> None:
    assert after(CardThere(), Leave()) == (StopAgent(), ShowLeaving())


def test_leaving_gives_the_question_back_when_the_card_has_been_told() -> None:
    assert after(CardThere(), Leave(), UpdateEnded()) == (GiveBack(0.0),)


def test_leaving_waits_for_the_update_on_the_wire_before_it_tells() -> None:
    assert after(CardThere(), UpdateDue(), Leave(), UpdateEnded()) == (ShowLeaving(),)


def test_leaving_without_a_card_gives_the_question_back_at_once() -> None:
    assert after(Leave()) == (StopAgent(), GiveBack(0.0))


def test_an_answer_on_its_last_steps_is_not_interrupted_by_leaving() -> None:
    assert after(CardThere(), AnswerWhole(ANSWER), AnswerStored(), Leave()) == ()


def test_a_lost_lease_stops_the_agent_and_touches_no_card() -> None:
    assert after(CardThere(), Lost()) == (StopAgent(),)


def test_nothing_follows_a_lost_lease() -> None:
    assert after(CardThere(), Lost(), AnswerWhole(ANSWER), CardThere(), UpdateDue()) == ()


def test_a_lost_lease_ends_what_leaving_has_begun() -> None:
    assert after(CardThere(), UpdateDue(), Leave(), Lost(), UpdateEnded()) == ()


def test_a_question_is_given_back_once() -> None:
    assert after(CardThere(), Leave(), UpdateEnded(), UpdateEnded()) == ()


# The person wants no more


def test_a_stop_stops_the_agent_and_sees_what_it_has_said() -> None:
    assert after(CardThere(), Stop()) == (StopAgent(), Gather())


def test_a_stop_does_not_wait_for_the_card() -> None:
    assert after(Stop()) == (StopAgent(), Gather())


def test_what_was_said_until_the_stop_is_the_answer() -> None:
    assert after(CardThere(), Stop(), AnswerStopped("明天")) == (StoreAnswer(texts.stopped("明天"), End.STOPPED),)


def test_an_answer_that_was_stopped_before_its_first_word_says_so() -> None:
    assert after(CardThere(), Stop(), AnswerStopped("")) == (StoreAnswer(texts.STOPPED, End.STOPPED),)


def test_a_stopped_answer_ends_its_card_as_finished_and_cannot_be_rated() -> None:
    events = (CardThere(), Stop(), AnswerStopped("明天"), AnswerStored())
    assert after(*events) == (FinishCard(Face(State.FINISHED, texts.stopped("明天"), rateable=False)),)


def test_a_question_whose_answer_was_stopped_is_closed_as_stopped() -> None:
    events = (CardThere(), Stop(), AnswerStopped(""), AnswerStored(), CardFinished(), CardClosed())
    assert after(*events) == (Done(End.STOPPED),)


def test_a_second_stop_changes_nothing() -> None:
    assert after(CardThere(), Stop(), Stop()) == ()


def test_text_that_falls_due_after_a_stop_is_not_shown() -> None:
    assert after(CardThere(), Stop(), UpdateDue()) == ()


def test_text_that_was_due_before_a_stop_is_not_shown_after_it() -> None:
    assert after(UpdateDue(), Stop(), CardThere()) == ()


def test_an_update_under_way_is_withdrawn_for_a_stopped_answer_too() -> None:
    assert after(CardThere(), UpdateDue(), Stop(), AnswerStopped("明天"), AnswerStored()) == (DropUpdate(),)


def test_an_agent_that_breaks_as_it_is_stopped_has_not_failed() -> None:
    stopping = (CardThere(), Stop(), AnswerTorn("明天"))
    assert after(*stopping) == ()
    assert after(*stopping, AnswerStopped("明天")) == (StoreAnswer(texts.stopped("明天"), End.STOPPED),)


def test_an_answer_that_became_whole_before_it_could_be_stopped_is_an_answer() -> None:
    finished = (CardThere(), Stop(), AnswerWhole(ANSWER))
    assert after(*finished) == (StoreAnswer(ANSWER, End.ANSWERED),)
    assert after(*finished, AnswerStopped(ANSWER)) == ()


LATER: dict[str, tuple[TurnEvent, ...]] = {
    "being stored": (CardThere(), AnswerWhole(ANSWER)),
    "being finished": (CardThere(), AnswerWhole(ANSWER), AnswerStored()),
    "being said": (CardRefused(), AnswerWhole(ANSWER), AnswerStored()),
    "being closed": (CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished()),
    "being settled": (CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished(), CardClosed()),
    "over": (CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished(), CardClosed(), Settled()),
    "lost": (CardThere(), Lost()),
    "being given back": (Leave(),),
    "told that it goes on": (CardThere(), Leave()),
}


@pytest.mark.parametrize("events", LATER.values(), ids=LATER)
def test_there_is_nothing_to_stop_any_more(events: tuple[TurnEvent, ...]) -> None:
    turn, _ = play(begin(), *events)
    assert step(turn, Stop()) == (turn, ())


def test_a_stopped_answer_is_brought_to_its_end_before_the_process_leaves() -> None:
    assert after(CardThere(), Stop(), Leave()) == ()
    assert after(CardThere(), Stop(), Leave(), AnswerStopped("")) == (StoreAnswer(texts.STOPPED, End.STOPPED),)


def test_a_question_that_was_taken_back_before_its_turn_gets_a_word_and_no_agent() -> None:
    start = excuse(texts.STOPPED, End.STOPPED, last_try=True)
    assert start[1] == (CreateCard(think=False), StoreAnswer(texts.STOPPED, End.STOPPED))
    assert play(start, AnswerStored(), CardThere())[1] == (FinishCard(ended(texts.STOPPED)),)


def test_a_stopped_answer_of_a_former_attempt_stays_stopped() -> None:
    start = resume(texts.stopped("明天"), End.STOPPED, last_try=False)
    assert play(start, CardThere())[1] == (FinishCard(ended(texts.stopped("明天"))),)
    assert play(start, CardThere(), CardFinished(), CardClosed())[1] == (Done(End.STOPPED),)


# A card that takes only a part

FINISHING = (CardThere(), AnswerWhole(ANSWER), AnswerStored())


def test_what_the_card_did_not_take_follows_as_a_message() -> None:
    assert after(*FINISHING, FULL) == (Say(FULL.rest),)


def test_a_card_in_part_is_closed_with_its_part_and_can_be_rated() -> None:
    assert after(*FINISHING, FULL, AnswerSaid()) == (CloseCard(answered(FULL.shown)),)


def test_a_question_is_done_when_card_and_rest_are_there() -> None:
    assert after(*FINISHING, FULL, AnswerSaid(), CardClosed()) == (Done(End.ANSWERED),)


def test_an_answer_whose_rest_nobody_takes_is_given_back_for_later() -> None:
    assert after(*FINISHING, FULL, SayFailed()) == (GiveBack(SAY_AGAIN_AFTER),)


def test_on_the_last_try_a_card_in_part_is_closed_even_if_nobody_takes_the_rest() -> None:
    start = resume(ANSWER, End.ANSWERED, last_try=True)
    events = (CardThere(), FULL, SayFailed())
    assert play(start, *events)[1] == (CloseCard(answered(FULL.shown)),)
    assert play(start, *events, CardClosed())[1] == (Done(End.EXPIRED),)


def test_an_apology_in_part_cannot_be_rated() -> None:
    events = (CardThere(), AnswerTorn(ANSWER), AnswerStored(), FULL, AnswerSaid())
    assert after(*events) == (CloseCard(ended(FULL.shown, failed=True)),)


# Any order, any luck


class World:
    """A platform, a store, an agent and a person that answer every action, in any order and with any luck."""

    def __init__(self, choose: st.DataObject) -> None:
        self.choose = choose
        starts = (
            begin(),
            resume(ANSWER, End.ANSWERED, last_try=False),
            resume(ANSWER, End.ANSWERED, last_try=True),
            excuse(texts.STOPPED, End.STOPPED, last_try=True),
        )
        self.turn, actions = choose.draw(st.sampled_from(starts))
        self.owed: list[Action] = list(actions)
        self.asked: list[Action] = list(actions)
        self.done: list[Action] = []
        self.stopped = False

    def run(self) -> "World":
        while self.owed:
            index = self.choose.draw(st.integers(0, len(self.owed) - 1))
            self.reply(self.owed.pop(index))
            if self.choose.draw(st.integers(0, 19)) == 0:
                self.happens(Leave())
            if self.choose.draw(st.integers(0, 9)) == 0:
                self.happens(Stop())
            if self.choose.draw(st.booleans()):
                self.happens(UpdateDue())
        return self

    def reply(self, action: Action) -> None:
        self.done.append(action)
        outcomes = self.outcomes(action)
        if outcomes:
            self.happens(self.choose.draw(st.sampled_from(outcomes)))

    @staticmethod
    def outcomes(action: Action) -> Sequence[TurnEvent]:
        match action:
            case CreateCard():
                return (CardThere(), CardRefused(), CardRefused(maybe_there=True))
            case RunAgent():
                return (AnswerWhole(ANSWER), AnswerTorn("因为"))
            case Update() | ShowLeaving():
                return (UpdateEnded(),)
            case Gather():
                return (AnswerStopped(""), AnswerStopped("因为"))
            case StoreAnswer():
                return (AnswerStored(),)
            case FinishCard(face):
                return (CardFinished(), CardFull(face.text[:2], face.text[2:]), FinishFailed())
            case Say():
                return (AnswerSaid(), SayFailed())
            case CloseCard():
                return (CardClosed(),)
            case Done() | GiveBack():
                return (Settled(),)
        return ()

    def happens(self, event: TurnEvent) -> None:
        self.turn, actions = step(self.turn, event)
        self.stopped = self.stopped or Gather() in actions
        # What the agent had told before it was stopped may still be on its way.
        if StopAgent() in actions and self.choose.draw(st.booleans()):
            self.owed = [owed for owed in self.owed if not isinstance(owed, RunAgent)]
        self.owed.extend(actions)
        self.asked.extend(actions)

    def kinds(self) -> list[type[Action]]:
        return [type(action) for action in self.asked]


@given(st.data())
def test_every_turn_comes_to_an_end_and_only_once(data: st.DataObject) -> None:
    world = World(data).run()
    assert world.turn.phase is Phase.OVER
    assert sum(isinstance(action, Done | GiveBack) for action in world.done) == 1


@given(st.data())
def test_no_final_call_comes_before_the_answer_is_durable(data: st.DataObject) -> None:
    world = World(data)
    durable = RunAgent() not in world.asked and not any(isinstance(action, StoreAnswer) for action in world.asked)
    kinds = [type(action) for action in world.run().done]
    for final in (FinishCard, Say):
        assert durable or final not in kinds or kinds.index(StoreAnswer) < kinds.index(final)


@given(st.data())
def test_a_question_is_closed_only_when_the_person_has_the_answer(data: st.DataObject) -> None:
    world = World(data).run()
    if any(isinstance(action, Done) for action in world.done):
        assert any(isinstance(action, FinishCard | Say) for action in world.done)


@given(st.data())
def test_the_answer_is_made_durable_at_most_once(data: st.DataObject) -> None:
    assert World(data).run().kinds().count(StoreAnswer) <= 1


@given(st.data())
def test_no_update_follows_a_final_call(data: st.DataObject) -> None:
    kinds = World(data).run().kinds()
    final = min(kinds.index(kind) if kind in kinds else len(kinds) for kind in (FinishCard, Say, CloseCard))
    assert not {Update, ShowLeaving} & set(kinds[final:])


@given(st.data())
def test_a_stopped_turn_is_never_given_back_unanswered_nor_apologised_for(data: st.DataObject) -> None:
    world = World(data).run()
    if world.stopped:
        (stored,) = (action for action in world.asked if isinstance(action, StoreAnswer))
        assert stored.end in {End.STOPPED, End.ANSWERED}


@given(st.data())
def test_the_person_gets_the_whole_text_in_one_place_or_in_two(data: st.DataObject) -> None:
    world = World(data).run()
    said = "".join(action.text for action in world.asked if isinstance(action, Say))
    if any(isinstance(action, Say) for action in world.asked):
        assert (world.turn.shown or "") + said == world.turn.text


def test_an_event_without_business_changes_nothing() -> None:
    turn = Turn(Phase.CLOSING)
    assert step(turn, AnswerStored()) == (turn, ())


AT_ANY_TIME = st.sampled_from(
    [CardThere(), CardRefused(), UpdateDue(), UpdateEnded(), Leave(), Stop(), AnswerStopped(""), AnswerStored()]
)


@given(st.lists(AT_ANY_TIME, max_size=12))
def test_whatever_happens_a_question_is_given_back_at_most_once(events: list[TurnEvent]) -> None:
    turn, given_back = begin()[0], 0
    for event in events:
        turn, actions = step(turn, event)
        given_back += sum(isinstance(action, GiveBack) for action in actions)
    assert given_back <= 1


@given(st.lists(AT_ANY_TIME, max_size=8), AT_ANY_TIME)
def test_nothing_at_all_follows_a_lost_lease(before: list[TurnEvent], event: TurnEvent) -> None:
    lost, _ = play(begin(), *before, Lost())
    turn, actions = step(lost, event)
    assert (turn.phase, actions) == (Phase.LOST, ())
