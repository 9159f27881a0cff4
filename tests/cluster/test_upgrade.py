"""A rolling upgrade under load: a later version brings the schema further while former ones serve beside it."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.conftest import placed
from tests.chaos.promises import Allowed, accepted, kept
from tests.cluster.fleet import sailing
from tests.cluster.later import NEWEST
from tests.cluster.ledger import settled, unexplained
from tests.cluster.postgres import Server
from tests.cluster.storm import SETTINGS

REPLICAS = 2
PEOPLE = 12


def later(how: str) -> tuple[str, ...]:
    return sys.executable, "-m", "tests.cluster.later", how


@pytest.mark.timeout(300)
async def test_a_rolling_upgrade_that_brings_the_schema_further_loses_nothing_and_can_be_rolled_back(
    tmp_path: Path, postgresql: Server
) -> None:
    async with placed(tmp_path) as place, sailing(place, postgresql, REPLICAS, **SETTINGS) as fleet:

        async def people_ask() -> None:
            for number in range(10_000):
                place.ask(f"问{number} 4x0.05", sender=f"p{number % PEOPLE}")
                await asyncio.sleep(0.2)

        asking = asyncio.create_task(people_ask())
        former = list(fleet.replicas)
        newer = [await fleet.grow(*later("wider"))]
        ((migrated,),) = fleet.rows("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
        beside = f"SELECT COUNT(*) FROM questions WHERE closed_by = 'former' AND closed_at > {migrated}"
        async with asyncio.timeout(30.0):
            while fleet.rows(beside) == [(0,)]:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.1)
        for replica in former:
            await fleet.shrink(replica)
            if len(newer) < REPLICAS:
                newer.append(await fleet.grow(*later("wider")))
        assert fleet.rows("SELECT version FROM schema_version") == [(NEWEST,)]
        await fleet.grow()
        for replica in newer:
            await fleet.shrink(replica)
        asking.cancel()
        await kept(place, Allowed(deaths=2 * REPLICAS, apart=True))
        assert await settled(partial(unexplained, fleet)) == []
        closed_by = dict(fleet.rows("SELECT closed_by, COUNT(*) FROM questions GROUP BY closed_by"))
        assert set(closed_by) == {"former", "later"}
        assert sum(closed_by.values()) == len(accepted(place))


async def test_a_later_version_that_former_ones_cannot_go_on_with_keeps_them_from_starting(
    tmp_path: Path, postgresql: Server
) -> None:
    async with placed(tmp_path) as place, sailing(place, postgresql, 0, **SETTINGS) as fleet:
        await fleet.grow(*later("other"))
        url = postgresql.url(fleet.database)
        refused = await place.run(**SETTINGS | {"INBOX_URL": url})
        assert await refused.ended() == 2
        assert f"the inbox has schema {NEWEST}, but this version of the service knows only {NEWEST - 1}" in "".join(
            refused.errors
        )
