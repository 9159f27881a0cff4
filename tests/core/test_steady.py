"""The clock that does not jump."""

from actors.core.steady import steady


def test_it_begins_with_the_wall_clock_and_goes_on_with_the_monotonic_one() -> None:
    walls, seconds = [1_000.0], [5.0]
    clock = steady(lambda: walls[-1], lambda: seconds[-1])
    assert clock() == 1_000.0
    walls.append(4_600.0)
    seconds.append(7.5)
    assert clock() == 1_002.5
