"""The month's quota: what it leaves to an answer, and that every counted call is recorded."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from actors.dingtalk import quota as quota_module
from actors.dingtalk.quota import Quota, affordable, month
from actors.errors import InboxUnavailable
from tests.dingtalk.conftest import Clock

NOVEMBER = 1_795_795_200.0  # 2026-11-28 00:00 in Shanghai
DECEMBER = NOVEMBER + 3 * 86_400


class Store:
    """Where the sums are kept; it can be away."""

    def __init__(self, **sums: int) -> None:
        self.sums = {name.replace("_", "-").removeprefix("m"): calls for name, calls in sums.items()}
        self.writes: list[tuple[str, int]] = []
        self.away = False
        self.written = asyncio.Event()

    async def record(self, then: str, calls: int) -> int:
        if self.away:
            raise InboxUnavailable("disk full")
        self.writes.append((then, calls))
        self.sums[then] = self.sums.get(then, 0) + calls
        self.written.set()
        return self.sums[then]


def exposed(robot: str, what: str = "used") -> float | None:
    return REGISTRY.get_sample_value(f"dingtalk_openapi_quota_{what}", {"robot": robot})


@pytest.fixture(autouse=True)
def _batches_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_module, "BATCH_SECONDS", 0.01)


def test_a_month_begins_at_midnight_in_shanghai() -> None:
    december = 1_796_054_400.0  # 2026-11-30 16:00 UTC
    assert (month(december - 1), month(december)) == ("2026-11", "2026-12")


@given(st.integers(1, 100), st.integers(0, 100_000))
def test_a_limit_of_zero_is_not_watched(updates: int, used: int) -> None:
    assert affordable(updates, used, 0) == updates


@given(st.integers(1, 100), st.integers(1, 10_000), st.floats(0, 0.8))
def test_an_ample_quota_leaves_the_whole_budget(updates: int, limit: int, share: float) -> None:
    assert affordable(updates, int(limit * share), limit) == updates


@given(st.integers(1, 100), st.integers(0, 10_000), st.integers(1, 10_000))
def test_a_used_up_quota_leaves_the_final_text(updates: int, beyond: int, limit: int) -> None:
    assert affordable(updates, limit + beyond, limit) == 1


@given(st.integers(1, 100), st.integers(0, 12_000), st.integers(1, 10_000))
def test_the_more_is_used_the_fewer_updates_are_left(updates: int, used: int, limit: int) -> None:
    assert 1 <= affordable(updates, used + 1, limit) <= affordable(updates, used, limit) <= updates


def test_half_way_through_the_scarce_fifth_half_of_the_updates_are_left() -> None:
    assert affordable(21, 4_500, 5_000) == 11


async def test_calls_are_recorded_together() -> None:
    store = Store()
    quota = Quota(5_000, store.record, Clock(NOVEMBER))
    for _ in range(100):
        quota.count("dingrobot")
    await asyncio.wait_for(store.written.wait(), 20)
    assert store.writes == [("2026-11", 100)]


async def test_closing_records_what_is_left() -> None:
    store = Store()
    quota = Quota(5_000, store.record, Clock(NOVEMBER))
    quota.count("dingrobot")
    await quota.close()
    assert store.sums == {"2026-11": 1}


async def test_a_store_that_is_away_loses_no_count() -> None:
    store = Store()
    quota = Quota(5_000, store.record, Clock(NOVEMBER))
    store.away = True
    quota.count("dingrobot")
    await quota._store()
    store.away = False
    quota.count("dingrobot")
    await quota.close()
    assert store.sums == {"2026-11": 2}


async def test_a_store_that_is_away_at_the_start_tells_what_is_used_after_the_first_call() -> None:
    store = Store(m2026_11=40)
    quota = Quota(5_000, store.record, Clock(NOVEMBER))
    store.away = True
    await quota.open("dingrobot")
    store.away = False
    quota.count("dingrobot")
    await quota.close()
    assert quota.used == 41


async def test_a_call_that_is_not_recorded_yet_counts_already() -> None:
    store = Store(m2026_11=9)
    quota = Quota(10, store.record, Clock(NOVEMBER))
    await quota.open("dingrobot")
    before = quota.budget(21)
    quota.count("dingrobot")
    assert (before, quota.budget(21)) == (11, 1)
    await quota.close()


async def test_a_new_month_begins_with_an_empty_account() -> None:
    store, calendar = Store(m2026_11=5_000), Clock(NOVEMBER)
    quota = Quota(5_000, store.record, calendar)
    await quota.open("dingrobot")
    calendar.now = DECEMBER
    assert quota.budget(20) == 20


async def test_a_call_of_the_old_month_is_recorded_in_the_old_month() -> None:
    store, calendar = Store(), Clock(NOVEMBER)
    quota = Quota(5_000, store.record, calendar)
    quota.count("dingrobot")
    calendar.now = DECEMBER
    quota.count("dingrobot")
    await quota.close()
    assert store.sums == {"2026-11": 1, "2026-12": 1}


async def test_a_call_that_comes_while_the_store_writes_is_recorded_once() -> None:
    store, writing, go_on = Store(), asyncio.Event(), asyncio.Event()

    async def slow_record(then: str, calls: int) -> int:
        writing.set()
        await go_on.wait()
        return await store.record(then, calls)

    quota = Quota(5_000, slow_record, Clock(NOVEMBER))
    quota.count("dingrobot")
    await asyncio.wait_for(writing.wait(), 20)
    quota.count("dingrobot")
    go_on.set()
    await quota.close()
    for _ in range(5):  # a write that was left behind would come now
        await asyncio.sleep(0)
    assert store.sums == {"2026-11": 2}


async def test_what_is_used_is_shown_from_the_start() -> None:
    quota = Quota(5_000, Store(m2026_11=1_234).record, Clock(NOVEMBER))
    await quota.open("dingrobot")
    assert exposed("dingrobot") == 1_234


async def test_calls_of_other_replicas_are_learned_with_the_next_batch() -> None:
    store = Store()
    quota = Quota(5_000, store.record, Clock(NOVEMBER))
    await quota.open("dingrobot")
    store.sums["2026-11"] += 4_000
    quota.count("dingrobot")
    await quota.close()
    assert quota.used == 4_001


@pytest.mark.parametrize("limit", [0, 5000])
async def test_the_quota_is_told_beside_what_is_used_of_it(limit: int) -> None:
    quota = Quota(limit, Store(m2026_11=7).record, now=lambda: NOVEMBER)
    await quota.open(f"limited{limit}")
    assert (exposed(f"limited{limit}"), exposed(f"limited{limit}", "limit")) == (7, limit)
    await quota.close()


async def test_a_month_that_begins_without_a_call_is_shown_all_the_same() -> None:
    calendar = Clock(NOVEMBER)
    quota = Quota(5_000, Store(m2026_11=4_999).record, calendar)
    await quota.open("dingidle")
    calendar.now = DECEMBER
    quota.show()
    assert exposed("dingidle") == 0


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """The lines about a quota that runs out: their level and the percent that they name."""
    lines = [record for record in caplog.records if getattr(record, "action", "") == "quota_runs_out"]
    return [(record.levelname, record.percent) for record in lines]  # type: ignore[attr-defined]


async def test_each_mark_is_told_once_when_it_is_reached(caplog: pytest.LogCaptureFixture) -> None:
    quota = Quota(100, Store().record, Clock(NOVEMBER))
    for _ in range(79):
        quota.count("dingrobot")
    assert told(caplog) == []
    for _ in range(60):
        quota.count("dingrobot")
    assert told(caplog) == [("WARNING", 80), ("WARNING", 95), ("ERROR", 100)]
    await quota.close()


async def test_a_process_tells_at_its_start_where_the_month_stands(caplog: pytest.LogCaptureFixture) -> None:
    await Quota(100, Store(m2026_11=96).record, Clock(NOVEMBER)).open("dingrobot")
    assert told(caplog) == [("WARNING", 95)]


async def test_a_new_month_is_told_of_anew(caplog: pytest.LogCaptureFixture) -> None:
    calendar = Clock(NOVEMBER)
    quota = Quota(10, Store(m2026_11=10, m2026_12=8).record, calendar)
    await quota.open("dingrobot")
    calendar.now = DECEMBER
    await quota.open("dingrobot")
    assert told(caplog) == [("ERROR", 100), ("WARNING", 80)]


async def test_a_quota_that_nobody_watches_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    await Quota(0, Store(m2026_11=9_999).record, Clock(NOVEMBER)).open("dingrobot")
    assert told(caplog) == []
