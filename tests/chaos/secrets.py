"""Whether a place let a secret out: a checker for any scenario.

`Secrets(place)` knows those that the place was given and those that the sandbox handed out: tokens, tickets, session
webhooks, download addresses. `learn` notes what was handed out up to now, so call it before something is forgotten;
`leaks` looks through everything that the processes wrote, what they showed to people, the files that they left beside
the inbox, and whatever a scenario has fetched by itself. A secret counts as out when its first characters are.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

import aiohttp

from tests.chaos.conftest import SECRET, Place, Running
from tests.folders import files_in

TELLING = 12
"""Characters of a secret that are one by themselves, however it is cut."""

PATHS = ("/metrics", "/status", "/readyz", "/healthz")


class Secrets:
    """What must not get out of a place. `more` are secrets of the scenario's own, by what they are."""

    def __init__(self, place: Place, more: Mapping[str, str] | None = None) -> None:
        self._place = place
        self._known = {"client secret": SECRET} | dict(more or {})
        self._shown: dict[str, str] = {}

    def learn(self) -> None:
        """Note what the sandbox has handed out."""
        sandbox = self._place.sandbox
        handed_out = {
            "token": list(sandbox._tokens._granted),
            "ticket": [*sandbox._gateway._tickets, *(connection.id for connection in sandbox.connections)],
            "session": list(sandbox._messages._sessions),
            "download address": list(sandbox._files._addresses),
        }
        self._known |= {f"{kind} {one[:4]}": one for kind, each in handed_out.items() for one in each}

    def show(self, where: str, text: str) -> None:
        """Have this looked through too."""
        self._shown[where] = self._shown.get(where, "") + text

    async def fetch(self, running: Running) -> None:
        """Have all that a process tells over HTTP looked through too."""
        async with aiohttp.ClientSession() as session:
            for path in PATHS:
                async with session.get(f"http://127.0.0.1:{port_of(running)}{path}") as response:
                    self.show(path, await response.text())

    def leaks(self) -> list[str]:
        """What got out, and where; none if all is well."""
        self.learn()
        # However many layers of JSON and repr are around it: without backslashes they are alike.
        texts = [(where, text.replace("\\", "")) for where, text in self._texts()]
        return [
            f"{what} in {where}: …{text[max(0, at - 120) : at + 40]}…"
            for what, secret in self._known.items()
            for spelled in spellings(secret)
            for where, text in texts
            if (at := text.find(spelled)) >= 0
        ]

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield from self._shown.items()
        for number, running in enumerate(self._place.started):
            yield f"stdout of process {number}", "".join(running.output)
            yield f"stderr of process {number}", "".join(running.errors)
        for card in self._place.sandbox.cards.values():
            yield (
                f"card {card.id}",
                json.dumps([card.params, *map(asdict, card.versions)], ensure_ascii=False, default=str),
            )
        for message in self._place.sandbox.messages:
            yield "a message", f"{message.title}\n{message.text}"
        for file in self._files_left():
            yield str(file), file.read_bytes().decode(errors="replace")

    def _files_left(self) -> list[Path]:
        """What lies in the folder but the inbox, which has to keep session webhooks, and what the test put there."""
        ours = {"app", "secret"}
        return [
            file
            for file in files_in(self._place.folder)
            if not file.name.startswith("inbox.db") and not ours & set(file.relative_to(self._place.folder).parts)
        ]


def spellings(secret: str) -> set[str]:
    """How a secret may be spelled: as it is, in a URL, or as the password of Basic; without backslashes, and its
    beginning will do."""
    begin = secret[:TELLING]
    return {
        begin.replace("\\", ""),
        json.dumps(begin)[1:-1].replace("\\", ""),
        quote(begin, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("=")[:-1],
    }


def port_of(running: Running) -> int:
    """Where a process answers probes."""
    lines = (json.loads(line) for line in running.output if '"probes_listening"' in line)
    return int(next(line["port"] for line in lines))
