"""What a start takes: imports, paired with those of the locked dependencies alone, and the way to the handshake."""

import subprocess
import sys
from statistics import median

from tests.bench.case import Case, Played
from tests.bench.scene import ROOT, served
from tests.bench.seen import reconnected

START, RECONNECT = "start", "reconnect"

DEPENDENCIES = (
    "aiohttp",
    "dingtalk_stream",
    "markdown_it",
    "prometheus_client",
    "psycopg",
    "psycopg_pool",
    "pydantic_settings",
    "pykka",
    "pythonjsonlogger",
    "python_socks",
    "tenacity",
    "websockets",
)
"""What `dependencies` in pyproject.toml are imported as."""

SERVICE = ("actors.__main__", "actors.service")
"""What `python -m actors run` brings in."""

PAIRS = 5
_TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def imported(modules: tuple[str, ...]) -> float:
    """Seconds that a fresh interpreter needs to import these."""
    code = _TIMED.format(", ".join(modules))
    return float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)


async def start() -> Played:
    """Both imports in turn, and as often a service that starts."""
    imported(SERVICE)  # the files are in memory then
    imported(DEPENDENCIES)
    pairs, beyond, whole = [], [], []
    for _ in range(PAIRS):
        pairs.append((imported(DEPENDENCIES), imported(SERVICE)))
        async with served() as scene:
            whole.append(scene.online - scene.started)
            beyond.append(whole[-1] - pairs[-1][1])
    return Played(
        {
            "imports of the dependencies": median(alone for alone, _ in pairs),
            "imports of the service": median(all_ for _, all_ in pairs),
            "imports, ratio": median(all_ / alone for alone, all_ in pairs),
            "start to handshake": median(whole),
            "handshake beyond imports": median(beyond),
        }
    )


async def reconnect() -> Played:
    """TCP abort after a healthy spell (2 s here, STREAM_RETRY_RESET_AFTER=1): until the next handshake."""
    async with served(STREAM_RETRY_RESET_AFTER="1") as scene:
        took = await scene.platform.do(reconnected)
        return Played({"abort to handshake": took, **scene.used(0)})


CASES = (Case(START, start), Case(RECONNECT, reconnect))
