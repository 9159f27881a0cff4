"""What is measured of the time that people wait: each case plays one scene against a fresh service."""

import time

from tests.bench.scene import ROBOT, Case, Figures, ask, finished, refused, served, standstill, updates, worst


async def twenty_people() -> Figures:
    """20 people at once, 500 pieces over 10 s each, 80 ms per call, 20 calls a second and API."""
    async with served() as scene:
        sandbox = scene.sandbox
        asked = ask(sandbox, 20, "500 pieces 10 s")
        cards = await finished(sandbox, 20, 60)
        began = min(asked.values())
        return {
            "first card, worst": worst(card.versions[0].at for card in cards) - began,
            "ack, worst": worst(ack.seconds or 0 for ack in sandbox.acks),
            "standstill of a card, worst": worst(map(standstill, cards)),
            "updates of a card, most": worst(map(updates, cards)),
            "all answered": worst(card.versions[-1].at for card in cards) - began,
            "calls refused": refused(sandbox),
            **scene.used(20),
        }


async def burst_of_two_hundred() -> Figures:
    """200 people at once, short answers: each message is stored on disk before its ack."""
    async with served() as scene:
        sandbox = scene.sandbox
        asked = ask(sandbox, 200, "5 pieces 1 s")
        await sandbox.until(lambda: len(sandbox.acks) >= 200, 60)
        cards = await finished(sandbox, 200, 120)
        return {
            "ack, worst": worst(ack.seconds or 0 for ack in sandbox.acks),
            "first card, worst": worst(card.versions[0].at for card in cards) - min(asked.values()),
            "calls refused": refused(sandbox),
            **scene.used(200),
        }


async def long_answer() -> Figures:
    """One answer of 1,500 pieces over 30 s with at most 20 updates."""
    async with served() as scene:
        ask(scene.sandbox, 1, "1500 pieces 30 s")
        (card,) = await finished(scene.sandbox, 1, 60)
        return {
            "standstill of a card, worst": standstill(card),
            "updates of a card, most": updates(card),
            **scene.used(1),
        }


async def reconnect() -> Figures:
    """TCP abort after a healthy spell (2 s here, STREAM_RETRY_RESET_AFTER=1): until the next handshake."""
    async with served(STREAM_RETRY_RESET_AFTER="1") as scene:
        sandbox = scene.sandbox
        await sandbox.until(lambda: len(sandbox.pings) >= 3, 30)
        aborted = time.monotonic()
        sandbox.abort(ROBOT)
        await sandbox.until(lambda: len(sandbox.connections) >= 2, 30)
        return {"abort to handshake": sandbox.connections[1].opened_at - aborted, **scene.used(0)}


CASES: dict[str, Case] = {
    "20 people, 10 s answers": twenty_people,
    "burst of 200": burst_of_two_hundred,
    "one answer of 30 s": long_answer,
    "reconnect": reconnect,
}
