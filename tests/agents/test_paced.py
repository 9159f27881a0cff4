"""Reading at a person's pace: what is first is read at once, what follows in few reads, and nothing is lost by it."""

import asyncio
import tracemalloc

import aiohttp
import pytest
from aiohttp import web

from actors.agents.backend import Backend
from actors.agents.gathering import gathered
from actors.agents.openai_events import Reply
from actors.agents.paced import AT_ONCE, Paced
from actors.agents.setup import Setup
from actors.agents.streams import ServerEvent, ServerEvents, parsed
from actors.core.events import Event, Text
from actors.variables import Variables
from tests.agents.model_server import DONE, HANG, STOP, ModelServer, delta, streamed

PIECES = 60
APART = 0.01


async def slowly(request: web.Request) -> web.StreamResponse:
    """So many pieces, each at its own time."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(PIECES):
        await response.write(f"{number} ".encode())
        await asyncio.sleep(APART)
    return response


async def reads_of(paced: Paced) -> list[bytes]:
    """What each read of such a stream brought."""
    async with (
        ModelServer(slowly).serving() as server,
        aiohttp.ClientSession() as session,
        session.post(server.url) as response,
    ):
        return [data async for data in paced.read(response)]


async def test_what_comes_between_two_reads_comes_together() -> None:
    reads = await reads_of(Paced())
    assert b"".join(reads).split() == [str(number).encode() for number in range(PIECES)]
    assert len(reads) < PIECES / 2


async def test_the_first_pieces_wait_for_nothing() -> None:
    reads = await reads_of(Paced())
    assert all(len(read.split()) < 5 for read in reads[:AT_ONCE])


async def test_many_streams_are_read_more_seldom_whosever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.agents.paced.READS", 40)
    alone = await reads_of(Paced())
    together = await asyncio.gather(*[reads_of(Paced()) for _ in range(20)])
    assert max(len(reads) for reads in together) < len(alone)


async def test_no_rest_is_longer_than_the_back_end_may_be_silent() -> None:
    assert len(await reads_of(Paced(0.04))) > len(await reads_of(Paced()))


async def test_a_stream_that_is_left_in_its_rest_is_let_go() -> None:
    async with (
        ModelServer(slowly).serving() as server,
        aiohttp.ClientSession() as session,
        session.post(server.url) as response,
    ):
        reads = Paced().read(response)
        for _ in range(AT_ONCE + 1):
            await anext(reads)
        await reads.aclose()


def test_texts_that_come_together_are_one_and_what_stands_between_them_stays() -> None:
    frames = [ServerEvent(frame.removeprefix("data: ").strip()) for frame in (delta("七"), delta("天"), STOP, DONE)]
    reply = Reply()
    assert [event for event in gathered(reply.read, frames) if isinstance(event, Text)] == [Text("七天")]
    assert reply.done


async def test_nothing_of_a_read_is_kept_until_the_next_one_comes() -> None:
    long, understood = 60_000, asyncio.Event()

    def read(frame: ServerEvent) -> tuple[Event, ...]:
        if len(frame.data) == long:
            understood.set()
        return ()

    async def consume(backend: Backend) -> None:
        async with backend.events("/chat", {}) as reads:
            async for together in reads:
                assert not list(gathered(read, together))

    async with (
        ModelServer(streamed(*(10 * ["data: short\n\n"]), f"data: {long * 'x'}\n\n", HANG)).serving() as server,
        aiohttp.ClientSession() as session,
    ):
        tracemalloc.start()
        try:
            consuming = asyncio.create_task(consume(Backend(Setup(Variables(), lambda: session), server.url, {})))
            await asyncio.wait_for(understood.wait(), 30.0)
            await asyncio.sleep(0)
            everything_else = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, __file__)])
        finally:
            tracemalloc.stop()
        consuming.cancel()
        await asyncio.wait([consuming])
    assert [trace.traceback for trace in everything_else.traces if trace.size > long / 2] == []


def test_half_of_a_surrogate_pair_is_read() -> None:
    assert parsed('{"a": "\\ud83d"}') == {"a": "\ud83d"}
    assert parsed("{") is None


def characters_handled(pieces: int) -> int:
    """Characters that are joined or handed on, of an answer of so many pieces that come five at a time."""
    handled, reader, reply = 0, ServerEvents(), Reply()
    for _ in range(0, pieces, 5):
        frames = list(reader.feed("".join(delta("您好") for _ in range(5)).encode()))
        handled += sum(len(frame.data) for frame in frames)
        events: list[Event] = list(gathered(reply.read, frames))
        handled += sum(len(event.text) for event in events if isinstance(event, Text))
    return handled


def test_an_answer_of_twice_the_length_is_twice_the_work_to_read() -> None:
    assert characters_handled(3000) == 2 * characters_handled(1500)
