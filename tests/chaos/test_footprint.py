"""What a process keeps is seen from outside, of every kind by its name."""

import signal
import sys

import pytest

from tests.actors.conftest import eventually
from tests.chaos.conftest import Place
from tests.chaos.footprint import MORE, above, footprint

KEEPS = {
    "memory": f"bytearray({2 * MORE.memory})",
    "threads": f"[threading.Thread(target=signal.pause, daemon=True).start() for _ in range({2 * MORE.threads})]",
    "sockets": f"[socket.socket() for _ in range({2 * MORE.sockets})]",
    "descriptors": f"[open('/dev/null') for _ in range({2 * MORE.descriptors})]",
}
"""What to keep, as Python."""

HOARDER = """
import signal, socket, threading
kept = []
signal.signal(signal.SIGUSR1, lambda *_: kept.append({}))
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize("what", KEEPS)
async def test_what_a_process_keeps_is_told(place: Place, what: str) -> None:
    hoarder = await place.run(sys.executable, "-c", HOARDER.format(KEEPS[what]))

    async def is_ready() -> bool:
        return hoarder.output == ["ready\n"]

    await eventually(is_ready)
    before = footprint(hoarder)
    assert above(footprint(hoarder), before) == []
    hoarder.kill(signal.SIGUSR1)

    async def is_told() -> bool:
        return [told.partition(":")[0] for told in above(footprint(hoarder), before)] == [what]

    await eventually(is_told)
