"""Updates of a growing answer that were not made are counted, with the reason why: a frame in, a card out."""

from pathlib import Path

from tests.actors.conftest import Stage, connected, staged

REASONS = ("overtaken", "budget", "quota", "refused")
OFTEN = {"CARD_MAX_UPDATES": "1000"}
"""So many that an update is always due."""


async def skipped(stage: Stage) -> dict[str, float]:
    """How many updates were skipped, by reason; those that were not are left out. The sum is told twice."""
    name = "dingtalk_card_updates_skipped_total"
    counts = {reason: await stage.metric(f'{name}{{reason="{reason}",{{robot}}}}') for reason in REASONS}
    total = await stage.metric('dingtalk_card_updates_total{outcome="skipped",{robot},stage="streaming"}')
    assert total == sum(counts.values())
    return {reason: count for reason, count in counts.items() if count}


async def test_of_an_answer_that_had_all_its_updates_none_is_skipped(stage: Stage) -> None:
    await stage.ask("1x1 2x0.1")  # the card is there before the text
    await stage.finished()
    assert await skipped(stage) == {}


async def test_an_update_that_still_waits_when_the_answer_ends_is_overtaken(tmp_path: Path) -> None:
    async with staged(tmp_path, OPENAPI_QPS="1", **OFTEN) as stage:
        await connected(stage)
        await stage.ask("1x1.5 4x0.15")  # its first text has the only call of the second in which it ends
        await stage.finished()
        assert await skipped(stage) == {"overtaken": 1}


async def test_text_that_comes_when_the_budget_is_spent_is_counted_once_for_its_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, CARD_MAX_UPDATES="1") as stage:
        await connected(stage)
        for count in (1, 2):
            await stage.ask("6x0.05")
            await stage.finished(count)
            assert await skipped(stage) == {"budget": count}


async def test_an_answer_that_has_fewer_updates_for_the_months_quota_is_counted_once(tmp_path: Path) -> None:
    async with staged(tmp_path, OPENAPI_MONTHLY_QUOTA="1") as stage:
        await connected(stage)
        await stage.ask("1x1 2x0.1")  # the quota is whole when it begins
        await stage.finished()
        assert await skipped(stage) == {}
        await stage.ask("6x0.05")
        await stage.finished(2)
        assert await skipped(stage) == {"quota": 1}


async def test_an_update_that_is_refused_for_good_ends_the_updates_and_is_counted_once(tmp_path: Path) -> None:
    async with staged(tmp_path, **OFTEN) as stage:
        await connected(stage)
        stage.sandbox.fail("streaming", status=400, code="param.error", times=None, match={"isFinalize": False})
        await stage.ask("1x1 10x0.1")
        await stage.finished()
        assert await skipped(stage) == {"refused": 1}


async def test_an_update_that_fails_in_passing_is_not_skipped(tmp_path: Path) -> None:
    async with staged(tmp_path, OPENAPI_RETRY_ATTEMPTS="1") as stage:
        await connected(stage)
        stage.sandbox.fail("streaming", status=503, times=1, match={"isFinalize": False})
        await stage.ask("1x1 10x0.1")
        await stage.finished()
        assert await skipped(stage) == {}


async def test_an_answer_without_a_card_skips_no_update(tmp_path: Path) -> None:
    async with staged(tmp_path, CARD_KIND="text", CARD_MAX_UPDATES="1") as stage:
        await connected(stage)
        await stage.ask("6x0.05")
        await stage.sandbox.until(stage.said_to)
        assert await skipped(stage) == {}
