"""SIGTERM: running answers are finished or handed on, nothing is lost, and the exit code says so."""

import asyncio
import json
import signal
import sys

from actors.core import texts
from tests.actors.cast import whole
from tests.chaos.conftest import Place


async def test_five_running_answers_are_finished(place: Place) -> None:
    service = await place.serve()
    for number in range(5):
        place.ask("30x0.05", sender=f"p{number}")
    for number in range(5):
        await place.card(f"p{number}", calls=2)
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    cards = await place.all_closed(5)
    assert {card.text for card in cards} == {whole(30).strip()}


async def test_a_drained_service_ends_with_0(place: Place) -> None:
    service = await place.serve()
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0


async def test_an_answer_that_outlasts_the_grace_says_that_it_goes_on(place: Place) -> None:
    service = await place.serve(SHUTDOWN_GRACE="0.3")
    place.ask("5x0.02 hang")
    await place.card(calls=2)
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    card = await place.card()
    assert card.text.endswith(texts.GOES_ON)


async def test_an_answer_that_outlasted_the_grace_goes_on_in_the_next_process(place: Place) -> None:
    service = await place.serve(SHUTDOWN_GRACE="0.3")
    place.ask("40x0.05")
    await place.card(calls=2)
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    await place.serve()
    (card,) = await place.all_closed(1)
    assert card.text == whole(40).strip()


async def test_a_question_that_grew_too_old_is_closed_with_an_apology(place: Place) -> None:
    service = await place.serve(SHUTDOWN_GRACE="0.1")
    place.ask("hang")
    await place.card()
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    await place.serve(INBOX_MAX_AGE="0.05")
    (card,) = await place.all_closed(1)
    assert card.text == texts.EXPIRED


async def test_a_drain_does_not_count_as_a_death(place: Place) -> None:
    for _ in range(3):
        service = await place.serve(SHUTDOWN_GRACE="0.1", INBOX_MAX_ATTEMPTS="1")
        if not place.sandbox.said:
            place.ask("20x0.1")
        await place.card()
        service.kill(signal.SIGTERM)
        assert await service.ended() == 0
    await place.serve(INBOX_MAX_ATTEMPTS="1")
    (card,) = await place.all_closed(1)
    assert card.text == whole(20).strip()


async def test_a_question_that_comes_during_the_drain_is_acked_and_answered_by_the_next_process(place: Place) -> None:
    service = await place.serve()
    place.ask("30x0.05", sender="early")
    await place.card("early")
    service.kill(signal.SIGTERM)
    place.ask("你好", sender="late")
    assert await service.ended() == 0
    assert all(said.acked for said in place.sandbox.said)
    await place.serve()
    await place.all_closed(2)


async def test_a_drain_while_connecting_ends_with_0(place: Place) -> None:
    called = asyncio.Event()

    async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answers, "127.0.0.1", 0) as gateway:
        port = gateway.sockets[0].getsockname()[1]
        service = await place.run(DINGTALK_OPENAPI_ENDPOINT=f"http://127.0.0.1:{port}")
        await asyncio.wait_for(called.wait(), 30)
        service.kill(signal.SIGTERM)
        assert await service.ended() == 0


async def test_a_drain_while_a_card_is_being_created_hands_the_question_on(place: Place) -> None:
    place.sandbox.fail("create", hang=True, times=None)
    service = await place.serve(SHUTDOWN_GRACE="0.2")
    place.ask("你好")
    await place.sandbox.until(lambda: any(call.api == "create" for call in place.sandbox.calls))
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    place.sandbox.heal()
    await place.serve()
    (card,) = await place.all_closed(1)
    assert card.text == "您说：你好"


async def test_a_drain_while_a_call_is_retried_loses_nothing(place: Place) -> None:
    place.sandbox.fail("streaming", status=503, times=None)
    service = await place.serve(SHUTDOWN_GRACE="0.2", OPENAPI_RETRY_ATTEMPTS="50")
    place.ask("你好")
    await place.sandbox.until(lambda: any(call.api == "streaming" for call in place.sandbox.calls))
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    place.sandbox.heal()
    await place.serve()
    (card,) = await place.all_closed(1)
    assert card.text == "您说：你好"


async def test_the_echo_of_a_signal_does_not_cut_the_drain_short(place: Place) -> None:
    service = await place.serve()
    place.ask("20x0.05")
    await place.card()
    service.kill(signal.SIGTERM)
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    await place.all_closed(1)


async def test_a_second_signal_after_a_while_ends_at_once(place: Place) -> None:
    service = await place.serve(SHUTDOWN_GRACE="600")
    place.ask("hang")
    await place.card()
    service.kill(signal.SIGTERM)
    await asyncio.sleep(2.2)  # the echo's time itself
    service.kill(signal.SIGTERM)
    assert await service.ended() == 128 + signal.SIGTERM


async def test_a_second_process_on_the_same_inbox_is_refused_with_2(place: Place) -> None:
    await place.serve()
    second = await place.run()
    assert await second.ended() == 2
    assert second.errors[0].startswith("INBOX_URL")


async def test_every_log_line_is_one_json_object(place: Place) -> None:
    service = await place.serve()
    place.ask("3x0.01")
    await place.all_closed(1)
    service.kill(signal.SIGTERM)
    await service.ended()
    assert all("action" in json.loads(line) for line in service.output)
    assert service.errors == []


async def test_a_log_never_holds_the_secret_or_what_people_wrote(place: Place) -> None:
    service = await place.serve()
    place.ask("我的密码是四五六")
    await place.all_closed(1)
    service.kill(signal.SIGTERM)
    await service.ended()
    told = "".join(service.output + service.errors)
    assert "robot-secret" not in told
    assert "四五六" not in told


async def test_sigterm_to_make_drains_the_service(place: Place) -> None:
    service = await place.run("make", "--no-print-directory", "run", PYTHON=sys.executable)
    await place.sandbox.until(lambda: place.sandbox.online(place.robot), 60)
    for number in range(5):
        place.ask("30x0.05", sender=f"p{number}")
    for number in range(5):
        await place.card(f"p{number}", calls=2)
    service.kill(signal.SIGTERM)
    code = await service.ended()
    cards = await place.all_closed(5)
    assert {card.text for card in cards} == {whole(30).strip()}
    assert code in {-signal.SIGTERM, 2}
    assert any('"service_stopped"' in line and '"code": 0' in line for line in service.output)
