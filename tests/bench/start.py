"""What a start takes: imports, paired with those of the locked dependencies alone, and the way to the handshake.

The law: what is compared has been compiled before, all of it, as in an image and from the second start on, whether or
not this environment lets Python write bytecode.
"""

import os
import subprocess
import sys
import tempfile
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

SERVICE = "import actors.__main__; actors.__main__.bring_in()"
"""What `python -m actors run` brings in, and how."""

PAIRS = 3
_TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"


def imported(how: str, bytecode: str) -> float:
    """Seconds that a fresh interpreter needs for these imports; what it compiles, it keeps in the folder `bytecode`."""
    run = subprocess.run(
        [sys.executable, "-c", _TIMED.format(how)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        check=True,
    )
    return float(run.stdout)


async def start() -> Played:
    """Both imports in turn, and as often a service that starts."""
    alone = f"import {', '.join(DEPENDENCIES)}"
    pairs, beyond, whole = [], [], []
    with tempfile.TemporaryDirectory() as bytecode:
        for how in (SERVICE, alone):
            imported(how, bytecode)
        for _ in range(PAIRS):
            pairs.append((imported(alone, bytecode), imported(SERVICE, bytecode)))
            async with served(PYTHONPYCACHEPREFIX=bytecode, PYTHONDONTWRITEBYTECODE="") as scene:
                whole.append(scene.online - scene.started)
                beyond.append(whole[-1] - pairs[-1][1])
    return Played(
        {
            "imports of the dependencies": median(theirs for theirs, _ in pairs),
            "imports of the service": median(ours for _, ours in pairs),
            "imports, ratio": median(ours / theirs for theirs, ours in pairs),
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
