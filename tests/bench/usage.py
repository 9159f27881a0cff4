"""What a process takes of its machine, read from Linux' /proc: memory, CPU and threads."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Places in /proc/PID/stat behind the program's name (proc(5))."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`resident` and `peak` (the most that was resident ever) are MB of 1,000,000 bytes; `cpu` is seconds since the
    process began."""

    resident: float
    peak: float
    cpu: float
    threads: int


def usage(pid: int) -> Usage:
    """What this process takes now."""
    place = Path(f"/proc/{pid}")
    lines = (line.partition(":") for line in (place / "status").read_text("ascii").splitlines())
    status = {name: value.split() for name, _, value in lines}
    times = (place / "stat").read_text("ascii").rpartition(")")[2].split()
    return Usage(
        resident=int(status["VmRSS"][0]) * 1024 / 1e6,
        peak=int(status["VmHWM"][0]) * 1024 / 1e6,
        cpu=(int(times[_UTIME]) + int(times[_STIME])) / _TICKS,
        threads=int(status["Threads"][0]),
    )
