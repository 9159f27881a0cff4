"""Calls over real HTTP: every fault once, several times and for ever; tokens; retries; limits; secrets."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY
from yarl import URL

from actors.core.backoff import Backoff
from actors.core.robot import Robot
from actors.dingtalk import openapi as api
from actors.dingtalk.ban import Ban
from actors.dingtalk.limits import PATIENCE, Kind, Rank
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import Clock, Kept, MakeOpenApi
from tests.dingtalk.scripted import (
    CREATE,
    HANG,
    OTO,
    RESET,
    STALE_TOKEN,
    STREAMING,
    TOKEN,
    TOO_FAST,
    UPDATE,
    Answer,
    DingTalk,
    error,
)

BUSY = error(400, "system.busy")
GATEWAY_TIMEOUT = Answer(504, "<html>504 Gateway Time-out</html>")
PASSING = [
    pytest.param(BUSY, id="busy"),
    pytest.param(error(500, "unknownError"), id="unknown error"),
    pytest.param(GATEWAY_TIMEOUT, id="gateway timeout"),
    pytest.param(Answer(200, "<html>welcome to the hotel's network</html>"), id="no json"),
    pytest.param(RESET, id="reset"),
]
LASTING = [
    (error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), Fault.QUOTA),
    (error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"), Fault.PERMISSION),
    (error(400, "param.stream.content"), Fault.TOO_LARGE),
    (error(400, "param.cardAlreadyExist"), Fault.CARD_EXISTS),
    (error(400, "param.templateNotExist"), Fault.TEMPLATE),
    (Answer(200, {"success": False}), Fault.REJECTED),
]


def frame(guid: str = "g-1") -> dict[str, Any]:
    return {"guid": guid, "content": "你好"}


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"dingtalk_{name}", labels) or 0.0


async def failure_of(call: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await call
    return caught.value


async def test_a_call_carries_the_robots_token(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.call(api.STREAMING, frame)
    [asked] = dingtalk.to(STREAMING)
    assert (asked.method, asked.token, asked.body) == ("PUT", "token-1", frame())


async def test_chinese_travels_as_utf_8_and_not_as_escapes(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.call(api.STREAMING, frame)
    assert "你好".encode() in dingtalk.to(STREAMING)[0].raw


async def test_half_a_character_does_not_stop_a_call(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.call(api.STREAMING, lambda: {"content": "torn \ud83d"})
    assert dingtalk.to(STREAMING)[0].body == {"content": "torn ?"}


# The secret


def secrets_asked(dingtalk: DingTalk) -> list[str]:
    return [asked.body["appSecret"] for asked in dingtalk.to(TOKEN)]


WRONG_SECRET = error(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")


@pytest.fixture
def rotated(robot: Robot, make_openapi: MakeOpenApi) -> OpenApi:
    """A client whose secret has been changed where it is kept."""
    openapi = make_openapi()
    openapi.robot = replace(robot, client_secret=Kept("old", "new"))
    return openapi


async def test_a_secret_that_is_refused_is_looked_up_and_the_new_one_is_used_at_once(
    dingtalk: DingTalk, rotated: OpenApi
) -> None:
    dingtalk.answers(TOKEN, WRONG_SECRET)
    await rotated.call(api.STREAMING, frame)
    assert secrets_asked(dingtalk) == ["old", "new"]


async def test_a_new_secret_that_is_refused_too_is_the_end(dingtalk: DingTalk, rotated: OpenApi) -> None:
    dingtalk.always_answers(TOKEN, WRONG_SECRET)
    failure = await failure_of(rotated.call(api.STREAMING, frame))
    assert (failure.api, failure.fault) == ("token", Fault.CREDENTIALS)
    assert secrets_asked(dingtalk) == ["old", "new"]


async def test_a_secret_that_stays_the_same_is_refused_once(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(TOKEN, WRONG_SECRET)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.api, failure.fault) == ("token", Fault.CREDENTIALS)
    assert secrets_asked(dingtalk) == ["the-robots-secret"]


async def test_no_secret_is_looked_up_for_other_trouble(dingtalk: DingTalk, rotated: OpenApi) -> None:
    dingtalk.answers(TOKEN, BUSY)
    await rotated.call(api.STREAMING, frame)
    assert secrets_asked(dingtalk) == ["old", "old"]


# Retries


@pytest.mark.parametrize("answer", PASSING)
async def test_what_passes_is_tried_again(dingtalk: DingTalk, openapi: OpenApi, answer: Answer) -> None:
    dingtalk.answers(STREAMING, answer)
    await openapi.call(api.STREAMING, frame)
    assert len(dingtalk.to(STREAMING)) == 2


async def test_several_faults_in_a_row_are_outlasted(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, BUSY, RESET, GATEWAY_TIMEOUT)
    await openapi.call(api.STREAMING, frame)
    assert len(dingtalk.to(STREAMING)) == 4


async def test_what_does_not_pass_ends_after_the_attempts(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(STREAMING, error(500, "unknownError", "未知错误"))
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.api, failure.fault, failure.status, failure.code) == (
        "streaming",
        Fault.TRANSIENT,
        500,
        "unknownError",
    )
    assert len(dingtalk.to(STREAMING)) == 4


async def test_a_connection_that_is_reset_for_ever_fails_in_the_end(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(CREATE, RESET)
    failure = await failure_of(openapi.call(api.CREATE, frame))
    assert (failure.fault, failure.status, failure.code) == (Fault.TRANSIENT, 0, "answerLost")


async def test_a_call_whose_connection_breaks_is_repeated_by_the_policy_alone(
    dingtalk: DingTalk, openapi: OpenApi
) -> None:
    await openapi.call(api.UPDATE, frame)
    before = counted("openapi_request_seconds_count", api="streaming", status="unreachable")
    dingtalk.always_answers(STREAMING, RESET)
    await failure_of(openapi.call(api.STREAMING, frame))
    assert len(dingtalk.to(STREAMING)) == 4
    assert counted("openapi_request_seconds_count", api="streaming", status="unreachable") == before + 4


async def test_a_call_that_hangs_is_given_up_and_tried_again(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(timeout=0.8)
    await openapi.warm()
    before = counted("openapi_request_seconds_count", api="streaming", status="timeout")
    dingtalk.answers(STREAMING, HANG)
    await openapi.call(api.STREAMING, frame)
    assert len(dingtalk.to(STREAMING)) == 2
    assert counted("openapi_request_seconds_count", api="streaming", status="timeout") == before + 1


async def test_a_call_that_hangs_for_ever_fails_in_the_end(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(timeout=0.8, attempts=2)
    await openapi.warm()
    dingtalk.always_answers(STREAMING, HANG)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.fault, failure.status) == (Fault.TRANSIENT, 0)


@pytest.fixture
async def nobody(robot: Robot, session: aiohttp.ClientSession, quota: Quota) -> AsyncIterator[OpenApi]:
    """A client whose DingTalk does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{bound.getsockname()[1]}"
        backoff = Backoff(0.001, 2, 0.01, 0.001)
        client = OpenApi(
            replace(robot, endpoint=endpoint),
            session,
            attempts=2,
            backoff=backoff,
            timeout=5,
            qps=20,
            quota=quota,
            ban=Ban(),
        )
        yield client
        await client.close()


async def test_nobody_listening_is_a_passing_fault(nobody: OpenApi) -> None:
    failure = await failure_of(nobody.call(api.STREAMING, frame))
    assert (failure.api, failure.fault, failure.status) == ("token", Fault.TRANSIENT, 0)


@pytest.mark.parametrize(("answer", "fault"), LASTING)
async def test_what_cannot_pass_is_not_tried_again(
    dingtalk: DingTalk, openapi: OpenApi, answer: Answer, fault: Fault
) -> None:
    dingtalk.always_answers(STREAMING, answer)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert failure.fault is fault
    assert len(dingtalk.to(STREAMING)) == 1


async def test_a_call_that_is_refused_after_a_try_whose_answer_was_lost_may_have_been_done(
    dingtalk: DingTalk, openapi: OpenApi
) -> None:
    refusal, fault = LASTING[0]
    dingtalk.answers(CREATE, GATEWAY_TIMEOUT, refusal, refusal)
    failures = [await failure_of(openapi.call(api.CREATE, frame)) for _ in range(2)]
    assert [(failure.fault, failure.maybe_done) for failure in failures] == [(fault, True), (fault, False)]


async def test_every_retry_sends_the_same_body(dingtalk: DingTalk, openapi: OpenApi) -> None:
    made: list[str] = []

    def body() -> dict[str, Any]:
        made.append(f"g-{len(made)}")
        return frame(made[-1])

    dingtalk.answers(STREAMING, BUSY, RESET, BUSY)
    await openapi.call(api.STREAMING, body)
    assert {asked.raw for asked in dingtalk.to(STREAMING)} == {dingtalk.to(STREAMING)[0].raw}
    assert made == ["g-0"]


async def test_a_webhook_gets_the_same_body_on_every_retry(dingtalk: DingTalk, openapi: OpenApi) -> None:
    bodies = iter([frame("first"), frame("second")])
    dingtalk.answers("/robot/sendBySession", BUSY)
    await openapi.reply(URL(f"{dingtalk.url}/robot/sendBySession?session=s"), lambda: next(bodies))
    assert [asked.body["guid"] for asked in dingtalk.asked] == ["first", "first"]


async def test_the_body_is_made_at_the_moment_of_sending(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi, text = make_openapi(qps=1), ["early"]
    await openapi.call(api.STREAMING, frame)
    call = asyncio.create_task(openapi.call(api.STREAMING, lambda: {"content": text[0]}))
    await asyncio.sleep(0)  # now it stands in line
    text[0] = "latest"
    await call
    assert dingtalk.to(STREAMING)[-1].body == {"content": "latest"}


async def test_retries_are_counted_by_their_reason(dingtalk: DingTalk, openapi: OpenApi) -> None:
    before = counted("retries_total", scope="openapi", reason="transient")
    dingtalk.answers(STREAMING, BUSY, BUSY)
    await openapi.call(api.STREAMING, frame)
    assert counted("retries_total", scope="openapi", reason="transient") == before + 2


async def test_every_request_is_timed(dingtalk: DingTalk, openapi: OpenApi) -> None:
    busy = counted("openapi_request_seconds_count", api="oto", status="400")
    well = counted("openapi_request_seconds_count", api="oto", status="200")
    dingtalk.answers(OTO, BUSY)
    await openapi.call(api.OTO, frame)
    assert counted("openapi_request_seconds_count", api="oto", status="400") == busy + 1
    assert counted("openapi_request_seconds_count", api="oto", status="200") == well + 1


async def test_a_redirect_is_not_followed(dingtalk: DingTalk, openapi: OpenApi) -> None:
    elsewhere = Answer(307, "", {"Location": f"{dingtalk.url}/elsewhere"})
    dingtalk.always_answers(STREAMING, elsewhere)
    await failure_of(openapi.call(api.STREAMING, frame))
    assert dingtalk.to("/elsewhere") == []


# Cancelling


async def test_a_call_can_be_cancelled_while_it_is_under_way(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, HANG)
    call = asyncio.create_task(openapi.call(api.STREAMING, frame))
    await dingtalk.until_asked(STREAMING)
    call.cancel()
    await asyncio.wait([call], timeout=20)
    assert call.cancelled()


async def test_a_cancelled_call_is_not_tried_again(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, HANG)
    call = asyncio.create_task(openapi.call(api.STREAMING, frame))
    await dingtalk.until_asked(STREAMING)
    call.cancel()
    await asyncio.wait([call], timeout=20)
    await openapi.call(api.STREAMING, lambda: frame("next"))
    assert [asked.body["guid"] for asked in dingtalk.to(STREAMING)] == ["g-1", "next"]


async def test_a_call_cancelled_in_line_is_never_sent(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(qps=1)
    await openapi.call(api.STREAMING, frame)
    call = asyncio.create_task(openapi.call(api.STREAMING, lambda: frame("cancelled")))
    await asyncio.sleep(0)
    call.cancel()
    await openapi.call(api.STREAMING, lambda: frame("next"))
    assert [asked.body["guid"] for asked in dingtalk.to(STREAMING)] == ["g-1", "next"]


async def test_who_waits_for_a_token_can_be_cancelled_without_the_others(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.delay = 0.05
    first = asyncio.create_task(openapi.call(api.STREAMING, frame))
    second = asyncio.create_task(openapi.call(api.STREAMING, frame))
    await dingtalk.until_asked(TOKEN)
    first.cancel()
    await second
    assert first.cancelled()
    assert dingtalk.tokens == 1


# Tokens


async def test_twenty_callers_share_one_fetch_of_the_token(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.delay = 0.02
    await asyncio.gather(*(openapi.call(api.STREAMING, frame) for _ in range(20)))
    assert dingtalk.tokens == 1


async def test_a_token_that_was_fetched_ahead_is_used(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.warm()
    await openapi.call(api.STREAMING, frame)
    assert dingtalk.tokens == 1


async def test_the_credentials_are_sent_as_the_api_wants_them(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.warm()
    assert dingtalk.to(TOKEN)[0].body == {"appKey": "dingrobot", "appSecret": "the-robots-secret"}


@pytest.mark.parametrize("refusal", [STALE_TOKEN, Answer(401, "")], ids=["by code", "by status"])
async def test_a_refused_token_is_replaced(dingtalk: DingTalk, openapi: OpenApi, refusal: Answer) -> None:
    dingtalk.answers(STREAMING, refusal)
    await openapi.call(api.STREAMING, frame)
    assert [asked.token for asked in dingtalk.to(STREAMING)] == ["token-1", "token-2"]


async def test_a_refused_token_costs_no_attempt(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(attempts=1)
    dingtalk.answers(STREAMING, STALE_TOKEN)
    await openapi.call(api.STREAMING, frame)
    assert len(dingtalk.to(STREAMING)) == 2


async def test_callers_with_the_same_refused_token_fetch_one_new_one(dingtalk: DingTalk, openapi: OpenApi) -> None:
    await openapi.warm()
    dingtalk.forget_tokens()
    await asyncio.gather(*(openapi.call(api.STREAMING, frame) for _ in range(10)))
    assert dingtalk.tokens == 2


async def test_a_token_that_is_refused_twice_is_the_operators_business(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(STREAMING, STALE_TOKEN)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.api, failure.fault) == ("streaming", Fault.CREDENTIALS)
    assert len(dingtalk.to(STREAMING)) == 2


async def test_wrong_credentials_are_not_tried_again(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(TOKEN, error(400, "invalidClientIdOrSecret"))
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.api, failure.fault) == ("token", Fault.CREDENTIALS)
    assert len(dingtalk.to(TOKEN)) == 1


async def test_credentials_that_become_right_are_found_out_by_the_next_call(
    dingtalk: DingTalk, openapi: OpenApi
) -> None:
    dingtalk.answers(TOKEN, error(400, "invalidClientIdOrSecret"))
    await failure_of(openapi.warm())
    await openapi.warm()
    assert dingtalk.tokens == 1


async def test_a_token_that_cannot_be_had_now_is_asked_for_again(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(TOKEN, BUSY, RESET, Answer(200, {}))
    await openapi.call(api.STREAMING, frame)
    assert dingtalk.tokens == 1


async def test_every_waiter_learns_that_the_token_failed(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(attempts=1)
    dingtalk.delay = 0.02
    dingtalk.answers(TOKEN, BUSY)
    failures = await asyncio.gather(*(failure_of(openapi.call(api.STREAMING, frame)) for _ in range(5)))
    assert {failure.api for failure in failures} == {"token"}
    assert len(dingtalk.to(TOKEN)) == 1


# Limits


async def test_thirty_calls_at_once_are_never_too_fast_for_a_strict_window(
    dingtalk: DingTalk, make_openapi: MakeOpenApi
) -> None:
    dingtalk.allows(STREAMING, 20)
    for _ in range(10):
        openapi, sent, known = make_openapi(), dict[str, float](), len(dingtalk.to(STREAMING))

        def stamped(guid: str, sent: dict[str, float]) -> dict[str, Any]:
            sent[guid] = time.monotonic()
            return frame(guid)

        calls = (openapi.call(api.STREAMING, partial(stamped, f"g-{n}", sent)) for n in range(30))
        await asyncio.gather(*calls)
        asked = dingtalk.to(STREAMING)[known:]
        if max(each.at - sent[each.body["guid"]] for each in asked[:30]) < PATIENCE / 2:
            assert (len(asked), dingtalk.refused) == (30, 0)
            return
        dingtalk.refused = 0
        await asyncio.sleep(1)  # this machine was too busy to keep the promise's condition: a new window, a new run
    pytest.fail("in ten runs this machine was too busy to keep the condition of the promise")


async def test_a_place_is_free_again_a_second_after_its_answer(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(qps=1, clock=(clock := Clock()))
    await openapi.call(api.STREAMING, frame)
    clock.now = 1.0
    await asyncio.wait_for(openapi.call(api.STREAMING, frame), 20)
    assert len(dingtalk.to(STREAMING)) == 2


async def test_each_api_has_a_limit_of_its_own(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(qps=1, clock=Clock())  # on this clock no place is ever free again
    calls = (openapi.call(each, frame) for each in (api.CREATE, api.STREAMING, api.UPDATE))
    await asyncio.wait_for(asyncio.gather(*calls), 20)
    assert {asked.path for asked in dingtalk.asked} == {TOKEN, CREATE, STREAMING, UPDATE}


async def test_too_fast_pauses_the_api_for_everybody(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, TOO_FAST)
    first = asyncio.create_task(openapi.call(api.STREAMING, frame))
    await dingtalk.until_asked(STREAMING)
    await first
    refused, repeated = dingtalk.to(STREAMING)
    assert repeated.at - refused.at >= 1


async def test_another_caller_waits_for_the_pause_too(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(attempts=1)
    dingtalk.answers(STREAMING, TOO_FAST)
    await failure_of(openapi.call(api.STREAMING, frame))
    await openapi.call(api.STREAMING, frame)
    refused, next_one = dingtalk.to(STREAMING)
    assert next_one.at - refused.at >= 1


async def test_a_longer_pause_that_dingtalk_asks_for_is_kept(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, Answer(429, {"code": ""}, {"Retry-After": "2"}))
    await openapi.call(api.STREAMING, frame)
    refused, repeated = dingtalk.to(STREAMING)
    assert repeated.at - refused.at >= 2


async def test_another_api_is_not_paused(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(attempts=1)
    dingtalk.answers(STREAMING, Answer(429, {"code": ""}, {"Retry-After": "200"}))
    await failure_of(openapi.call(api.STREAMING, frame))
    await asyncio.wait_for(openapi.call(api.UPDATE, frame), 20)
    assert len(dingtalk.to(UPDATE)) == 1


async def test_throttling_is_counted_per_api(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    before = counted("openapi_throttled_total", robot="dingrobot", api="update")
    dingtalk.answers(UPDATE, TOO_FAST)
    await failure_of(make_openapi(attempts=1).call(api.UPDATE, frame))
    assert counted("openapi_throttled_total", robot="dingrobot", api="update") == before + 1


def rate() -> float:
    return counted("openapi_rate", robot="dingrobot")


async def test_one_that_is_alone_has_all_calls_even_after_a_refusal(
    dingtalk: DingTalk, make_openapi: MakeOpenApi
) -> None:
    openapi = make_openapi()
    dingtalk.answers(STREAMING, TOO_FAST)
    await openapi.call(api.STREAMING, frame)
    openapi.beaten(1)
    assert rate() == 20


async def test_one_of_several_that_joins_has_less_than_its_share(make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(replicas=4, clock=(clock := Clock(1000.0)))
    openapi.beaten(4)
    assert rate() == 1.25
    clock.now += 60
    openapi.beaten(4)
    assert rate() == 5


async def test_an_api_that_is_called_for_the_first_time_has_its_share_at_once(
    dingtalk: DingTalk, make_openapi: MakeOpenApi
) -> None:
    openapi = make_openapi(replicas=4, clock=(clock := Clock(1000.0)))
    for _ in range(100):
        clock.now += 5
        openapi.beaten(4)
    await asyncio.wait_for(asyncio.gather(*(openapi.call(api.STREAMING, frame) for _ in range(5))), 20)
    sixth = asyncio.create_task(openapi.call(api.STREAMING, frame))
    assert not (await asyncio.wait({sixth}, timeout=0.2))[0]
    sixth.cancel()
    assert len(dingtalk.to(STREAMING)) == 5


@pytest.mark.parametrize("answer", [TOO_FAST, Answer(429, {"code": ""})])
async def test_one_of_several_takes_less_after_a_refusal(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, answer: Answer
) -> None:
    openapi = make_openapi(replicas=4, attempts=1)
    openapi.beaten(1)
    openapi.beaten(4)
    before = rate()
    dingtalk.answers(STREAMING, answer)
    await failure_of(openapi.call(api.STREAMING, frame))
    openapi.beaten(4)
    assert rate() < before


async def test_a_final_text_goes_before_a_text_that_waits_longer(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(qps=1)
    await openapi.call(api.STREAMING, frame)
    text = asyncio.create_task(openapi.call(api.STREAMING, lambda: frame("text"), Rank(Kind.USUAL, 0.0, growing=True)))
    await asyncio.sleep(0)
    final = asyncio.create_task(openapi.call(api.STREAMING, lambda: frame("final"), Rank(Kind.FINAL, 9.0)))
    await asyncio.gather(text, final)
    assert [asked.body["guid"] for asked in dingtalk.to(STREAMING)] == ["g-1", "final", "text"]


BAN = Answer(403, {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"})


async def test_a_banned_address_is_not_tried_again(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.always_answers(STREAMING, BAN)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    assert (failure.fault, failure.code) == (Fault.THROTTLED, "ipBanned")
    assert len(dingtalk.to(STREAMING)) == 1


async def test_while_an_address_is_banned_nothing_is_sent_at_all(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, BAN)
    await failure_of(openapi.call(api.STREAMING, frame))
    failure = await failure_of(openapi.call(api.UPDATE, frame))
    assert (failure.fault, failure.code) == (Fault.THROTTLED, "ipBanned")
    assert dingtalk.to(UPDATE) == []


async def test_a_ban_is_no_reason_to_try_again(dingtalk: DingTalk, openapi: OpenApi) -> None:
    before = counted("retries_total", scope="openapi", reason="throttled")
    dingtalk.answers(STREAMING, BAN)
    await failure_of(openapi.call(api.STREAMING, frame))
    assert counted("retries_total", scope="openapi", reason="throttled") == before


async def test_calls_in_line_fail_together_when_the_address_is_banned(
    dingtalk: DingTalk, make_openapi: MakeOpenApi
) -> None:
    openapi = make_openapi(qps=1, clock=(clock := Clock()))
    dingtalk.answers(STREAMING, BAN)
    calls = [asyncio.create_task(failure_of(openapi.call(api.STREAMING, frame))) for _ in range(5)]
    await asyncio.wait(calls, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    clock.now = 1.0  # one place is free, and nobody who takes it uses it
    failures = await asyncio.wait_for(asyncio.gather(*calls), 20)
    assert {failure.code for failure in failures} == {"ipBanned"}
    assert len(dingtalk.to(STREAMING)) == 1


async def test_a_ban_ends(dingtalk: DingTalk, make_openapi: MakeOpenApi) -> None:
    openapi = make_openapi(clock=(clock := Clock()))
    dingtalk.answers(STREAMING, BAN)
    await failure_of(openapi.call(api.STREAMING, frame))
    clock.now = 300.0
    await openapi.call(api.STREAMING, frame)
    assert len(dingtalk.to(STREAMING)) == 2


# The month's quota


@pytest.mark.parametrize(
    ("each", "answer", "calls"),
    [
        (api.STREAMING, Answer(200, {"success": True}), 1),
        (api.OTO, Answer(200, {"processQueryKey": "q"}), 1),
        (api.STREAMING, error(400, "param.error"), 1),
        (api.STREAMING, TOO_FAST, 0),
        (api.OTO, RESET, 0),
        (api.STREAMING, error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), 0),
    ],
)
async def test_what_dingtalk_counts_is_counted(
    *, dingtalk: DingTalk, make_openapi: MakeOpenApi, quota: Quota, each: api.Api, answer: Answer, calls: int
) -> None:
    openapi = make_openapi(attempts=1)
    dingtalk.answers(each.path, answer)
    with contextlib.suppress(CallFailed):
        await openapi.call(each, frame)
    assert quota.used == calls


async def test_a_webhook_is_not_counted(dingtalk: DingTalk, openapi: OpenApi, quota: Quota) -> None:
    await openapi.reply(URL(f"{dingtalk.url}/robot/sendBySession?session=s"), frame)
    assert quota.used == 0


# Secrets


def everything_said(failure: BaseException) -> str:
    """An exception as it would be logged, with all that it hangs on."""
    told: list[str] = []
    seen: BaseException | None = failure
    while seen is not None:
        told.append(f"{seen!r} {seen} {vars(seen)}")
        seen = seen.__cause__ or seen.__context__
    return " ".join(told)


@pytest.mark.parametrize("answer", [RESET, HANG, error(400, "bad token-1", "you sent token-1 and the-robots-secret")])
async def test_an_error_holds_neither_token_nor_secret_nor_text(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.DEBUG)
    openapi = make_openapi(attempts=2, timeout=0.8)
    await openapi.warm()
    dingtalk.always_answers(STREAMING, answer)
    failure = await failure_of(openapi.call(api.STREAMING, frame))
    said = everything_said(failure) + caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not [secret for secret in ("token-1", "the-robots-secret", "你好") if secret in said]


async def test_an_error_of_a_token_holds_no_secret(
    dingtalk: DingTalk, openapi: OpenApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    dingtalk.always_answers(TOKEN, error(400, "invalidClientIdOrSecret", "the-robots-secret is wrong"))
    failure = await failure_of(openapi.warm())
    assert "the-robots-secret" not in everything_said(failure) + caplog.text


@pytest.mark.parametrize("answer", [RESET, HANG, error(400, "param.error", "session=the-webhooks-secret")])
async def test_an_error_of_a_webhook_does_not_hold_its_session(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.DEBUG)
    openapi = make_openapi(attempts=2, timeout=0.8)
    dingtalk.always_answers("/robot/sendBySession", answer)
    webhook = URL(f"{dingtalk.url}/robot/sendBySession?session=the-webhooks-secret")
    failure = await failure_of(openapi.reply(webhook, frame))
    assert "the-webhooks-secret" not in everything_said(failure) + caplog.text
