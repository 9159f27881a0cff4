"""One turn's table: answered, apologised for, or given back, and in no other way."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from actors.core import texts
from actors.core.card import Face, State
from actors.core.turn import (
    SAY_AGAIN_AFTER,
    Action,
    AnswerSaid,
    AnswerStored,
    AnswerTorn,
    AnswerWhole,
    CardClosed,
    CardFinished,
    CardRefused,
    CardThere,
    CloseCard,
    CreateCard,
    Done,
    DropUpdate,
    End,
    FinishCard,
    FinishFailed,
    GiveBack,
    Leave,
    Lost,
    Phase,
    RunAgent,
    Say,
    SayFailed,
    Settled,
    ShowLeaving,
    Step,
    StopAgent,
    StoreAnswer,
    Turn,
    TurnEvent,
    Update,
    UpdateDue,
    UpdateEnded,
    begin,
    excuse,
    resume,
    step,
)

ANSWER = "明天发货。"


def play(start: Step, *events: TurnEvent) -> Step:
    """What the last event leads to, after all events before it."""
    turn, actions = start
    for event in events:
        turn, actions = step(turn, event)
    return turn, actions


def after(*events: TurnEvent) -> tuple[Action, ...]:
    return play(begin(), *events)[1]


def test_card_and_agent_start_side_by_side() -> None:
    assert begin()[1] == (CreateCard(), RunAgent())


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
    assert after(CardThere(), AnswerWhole(ANSWER), AnswerStored()) == (FinishCard(ANSWER),)


def test_an_answer_that_is_whole_before_the_card_waits_for_it() -> None:
    assert after(AnswerWhole(ANSWER), AnswerStored()) == ()


def test_a_card_that_comes_after_the_answer_is_finished_at_once() -> None:
    assert after(AnswerWhole(ANSWER), AnswerStored(), CardThere()) == (FinishCard(ANSWER),)


def test_an_update_under_way_is_withdrawn_for_the_final_text() -> None:
    assert after(CardThere(), UpdateDue(), AnswerWhole(ANSWER), AnswerStored()) == (DropUpdate(),)


def test_the_final_text_never_overtakes_an_update_on_the_wire() -> None:
    events = (CardThere(), UpdateDue(), AnswerWhole(ANSWER), AnswerStored(), UpdateEnded())
    assert after(*events) == (FinishCard(ANSWER),)


def test_a_finished_card_gets_its_closing_update_with_four_buttons() -> None:
    (close,) = after(CardThere(), AnswerWhole(ANSWER), AnswerStored(), CardFinished())
    assert isinstance(close, CloseCard)
    assert (close.face.state, len(close.face.buttons)) == (State.FINISHED, 4)


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
    (close,) = after(CardThere(), AnswerTorn(""), AnswerStored(), CardFinished())
    assert isinstance(close, CloseCard)
    assert close.face == Face(State.FAILED, texts.AGENT_FAILED)


def test_a_stored_answer_of_a_former_attempt_does_not_run_the_agent_again() -> None:
    assert resume(ANSWER, End.ANSWERED, last_try=False)[1] == (CreateCard(),)


def test_a_stored_answer_is_finished_on_the_same_card() -> None:
    assert play(resume(ANSWER, End.ANSWERED, last_try=False), CardThere())[1] == (FinishCard(ANSWER),)


def test_an_excuse_is_stored_and_shown_like_an_answer() -> None:
    start = excuse(texts.EXPIRED, End.EXPIRED, last_try=True)
    assert play(start, AnswerStored(), CardThere())[1] == (FinishCard(texts.EXPIRED),)


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


class World:
    """A platform, a store and an agent that answer every action, in any order and with any luck."""

    def __init__(self, choose: st.DataObject) -> None:
        self.choose = choose
        self.turn, actions = begin()
        self.owed: list[Action] = list(actions)
        self.done: list[Action] = []

    def run(self) -> None:
        while self.owed:
            index = self.choose.draw(st.integers(0, len(self.owed) - 1))
            self.reply(self.owed.pop(index))
            if self.choose.draw(st.integers(0, 19)) == 0:
                self.happens(Leave())
            if self.choose.draw(st.booleans()):
                self.happens(UpdateDue())

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
            case StoreAnswer():
                return (AnswerStored(),)
            case FinishCard():
                return (CardFinished(), FinishFailed())
            case Say():
                return (AnswerSaid(), SayFailed())
            case CloseCard():
                return (CardClosed(),)
            case Done() | GiveBack():
                return (Settled(),)
        return ()

    def happens(self, event: TurnEvent) -> None:
        self.turn, actions = step(self.turn, event)
        if StopAgent() in actions:
            self.owed = [owed for owed in self.owed if not isinstance(owed, RunAgent)]
        self.owed.extend(actions)


@given(st.data())
def test_every_turn_comes_to_an_end_and_only_once(data: st.DataObject) -> None:
    world = World(data)
    world.run()
    assert world.turn.phase is Phase.OVER
    assert sum(isinstance(action, Done | GiveBack) for action in world.done) == 1


@given(st.data())
def test_no_final_call_comes_before_the_answer_is_durable(data: st.DataObject) -> None:
    world = World(data)
    world.run()
    kinds = [type(action) for action in world.done]
    for final in (FinishCard, Say):
        assert final not in kinds or kinds.index(StoreAnswer) < kinds.index(final)


@given(st.data())
def test_a_question_is_closed_only_when_the_person_has_the_answer(data: st.DataObject) -> None:
    world = World(data)
    world.run()
    if any(isinstance(action, Done) for action in world.done):
        assert any(isinstance(action, FinishCard | Say) for action in world.done)


def test_an_event_without_business_changes_nothing() -> None:
    turn = Turn("m1", Phase.CLOSING)
    assert step(turn, AnswerStored()) == (turn, ())
