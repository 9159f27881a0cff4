"""A clock for what lasts longer than a process: seconds since the epoch that no setting of the clock makes jump.

The law: how long something took, and whether it is time, must not depend on somebody's setting the clock right
meanwhile. Not for what others have dated, such as the end of a webhook's life or of a month: they mean the true time.
It reads no clock of its own.
"""

from collections.abc import Callable


def steady(wall: Callable[[], float], monotonic: Callable[[], float]) -> Callable[[], float]:
    """A clock that shows what `wall` shows now, and goes on with `monotonic`."""
    beginning = wall() - monotonic()
    return lambda: beginning + monotonic()
