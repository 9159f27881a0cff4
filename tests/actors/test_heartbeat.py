"""The number of replicas, as it is believed and handed on."""

import asyncio

from prometheus_client import REGISTRY

from actors.errors import InboxUnavailable
from actors.heartbeat import EVERY, LIFE, Heartbeat
from actors.inbox.memory import MemoryInbox
from tests.runtime.virtual_time import play


class Table(MemoryInbox):
    """An inbox that counts as many replicas as it is told; None: it is away."""

    def __init__(self, *counts: int | None) -> None:
        super().__init__()
        self.counts = list(counts)
        self.lives: list[float] = []

    async def beat(self, *, life: float) -> int:
        self.lives.append(life)
        count = self.counts.pop(0)
        if count is None:
            raise InboxUnavailable("it is away")
        return count


async def told(*counts: int | None) -> list[int]:
    """What is handed on of such counts."""
    numbers: list[int] = []
    heartbeat = Heartbeat(Table(*counts), numbers.append)
    for _ in counts:
        await heartbeat.beat()
    return numbers


async def test_every_count_is_handed_on() -> None:
    assert await told(1, 3, 3, 2) == [1, 3, 3, 2]


async def test_while_the_inbox_is_away_the_number_stays() -> None:
    assert await told(3, None, None) == [3]


async def test_after_the_inbox_was_away_fewer_are_not_believed_until_all_had_the_time_to_tell() -> None:
    assert await told(3, None, 1, 2, 2) == [3, 3, 3, 2]


async def test_right_after_the_inbox_was_away_more_are_believed() -> None:
    assert await told(3, None, 5) == [3, 5]


async def test_an_operator_sees_how_many_there_are() -> None:
    await told(4)
    assert REGISTRY.get_sample_value("dingtalk_replicas") == 4


def test_it_goes_on_for_ever_and_twice_in_a_row_may_be_missed() -> None:
    async def scene() -> Table:
        table = Table(1, 2, None, None, 2)
        living = asyncio.create_task(Heartbeat(table, lambda _: None).live())
        await asyncio.sleep(4.5 * EVERY)
        living.cancel()
        return table

    table = play(scene())
    assert table.counts == []
    assert set(table.lives) == {LIFE}
    assert LIFE >= 3 * EVERY
