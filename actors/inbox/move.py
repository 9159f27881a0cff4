"""The move of all that one inbox keeps to another, which others may serve from already.

The law: nothing is lost and nothing comes twice, whenever a move is killed and however often it is run. So an inbox is
marked before its first row leaves, and nobody serves from it again; each page comes in one transaction with the place
that was reached; and what is left behind is deleted in one transaction once all of it is there for good. It knows no
driver, file or server; the two ends do what they are told.
"""

import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Protocol

from actors.core.frozen import frozen
from actors.errors import InboxError
from actors.inbox import move_statements, statements
from actors.inbox.departure import Departure
from actors.inbox.move_statements import KINDS, Kind
from actors.inbox.sql import Row, Step, storable

_SLICE = 100
"""Rows that come in one transaction; bounds the memory that a move takes."""


class End(Protocol):
    """An inbox that work is moved from or to. Every method raises InboxUnavailable when it cannot be done."""

    name: str
    """Where it is, as people may read of it."""
    hint: Step | None
    """Tells those who serve from it that there may be work."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """A transaction while which nobody else writes anything.

        Raises:
            InboxError: somebody serves from it.
        """
        ...

    def beside(self, conversations: Collection[str]) -> AbstractAsyncContextManager[None]:
        """A transaction beside those who serve: meanwhile no question is put into these conversations."""
        ...

    async def run(self, step: Step) -> list[Row]:
        """Run a statement, by itself or in the transaction that is open."""
        ...

    async def write(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement for each row, in the transaction that is open; returns how many rows it wrote."""
        ...

    async def clean(self) -> None:
        """Remove what deleted rows left behind, as far as the store itself does not do so."""
        ...

    async def close(self) -> None:
        """Let others have it."""
        ...


@frozen
class Progress:
    """How many rows of a kind there are to move, how many came, and of how many the other inbox knew already."""

    kind: Kind
    total: int
    reached: tuple[str | int, ...]
    came: int = 0
    known: int = 0


async def move(
    source: End, target: End, *, anew: bool, clock: Callable[[], float], told: Callable[[Progress], object]
) -> tuple[Progress, ...] | None:
    """Move everything, or what a former run left to be moved; `told` hears of each page. `anew`: what went elsewhere in
    a move that did not come to its end is thrown away there. `clock` gives epoch seconds. None if it was done before.

    Raises:
        InboxError: it cannot be done.
        InboxUnavailable: it was not done, or not to its end: run it again.
    """
    departure = await _departure(source)
    if departure is not None and departure.left_at:
        if departure.target != target.name:
            raise InboxError(f"FROM: the work of {source.name} {departure}, and nothing is left to move")
        await _finish(target, departure.move)
        return None
    name = await _depart(source, target, departure, anew=anew)
    async with source.alone():
        if await _departure(source) != Departure(name, target.name, 0.0):
            raise InboxError(f"FROM: {source.name} is being moved by somebody else")
        moved = [await _carry(kind, name, source, target, told) for kind in KINDS]
        for statement in move_statements.EMPTIED:
            await source.run(Step(statement, {}))
        await source.run(Step(move_statements.HAVE_LEFT, {"move": name, "now": clock()}))
    await _finish(target, name)
    return tuple(moved)


async def _depart(source: End, target: End, former: Departure | None, *, anew: bool) -> str:
    """Have both know of the move, and the source be served from no more; gives the move's name."""
    await _must_be_known_in_full(source)
    there = await _departure(target)
    if there is not None and not there.left_at:
        raise InboxError(f"TO: the work of {target.name} {there} itself: run that move to its end first")
    if former is not None and await _reached(target, former.move, "") is not None:
        return former.move
    if former is not None and not anew:
        raise InboxError(
            f"FROM: the work of {source.name} {former}, of which {target.name} knows nothing: name that one, or add "
            "--anew if what came there is thrown away"
        )
    name = uuid.uuid4().hex
    async with target.beside(()):
        await target.run(Step(move_statements.FORGET_DEPARTURES, {}))
        await target.run(_arrived(name, "", (), 0, 0))
    if await _reached(source, name, "") is not None:
        await _finish(target, name)
        raise InboxError("FROM and TO are the same inbox")
    async with source.alone():
        await source.run(Step(move_statements.FORGET_DEPARTURES, {}))
        await source.run(Step(move_statements.DEPART, {"move": name, "target": target.name}))
        await source.run(Step(move_statements.SHUT_OUT_FORMER_VERSIONS, {"version": statements.KNOWS_DEPARTURES}))
    return name


async def _carry(kind: Kind, name: str, source: End, target: End, told: Callable[[Progress], object]) -> Progress:
    """Move the rows of one kind that have not come yet."""
    ((total,),) = await source.run(Step(kind.count, {}))
    progress = Progress(kind, total, kind.first)
    if (row := await _reached(target, name, kind.name)) is not None:
        reached, came, known = row
        progress = replace(progress, reached=tuple(json.loads(reached)), came=came, known=known)
    while page := await _page(source, progress):
        conversations = {row["conversation"] for row in page} if kind.waits else ()
        async with target.beside(conversations):
            came = await target.write(kind.write, page)
            reached = tuple(page[-1][column] for column in kind.key)
            progress = replace(
                progress, reached=reached, came=progress.came + came, known=progress.known + len(page) - came
            )
            await target.run(_arrived(name, kind.name, reached, progress.came, progress.known))
            if came and kind.waits and target.hint is not None:
                await target.run(target.hint)
        told(progress)
    if progress.came + progress.known < total:
        raise InboxError(f"FROM: of {total} {kind.name} {total - progress.came - progress.known} cannot be moved")
    return progress


async def _page(source: End, progress: Progress) -> list[dict[str, Any]]:
    kind = progress.kind
    after = dict(zip(kind.key, progress.reached, strict=True))
    rows = await source.run(Step(kind.read, {**after, "slice": _SLICE}))
    return [dict(zip(kind.columns, map(storable, row), strict=True)) for row in rows]


def _arrived(name: str, kind: str, reached: tuple[str | int, ...], came: int, known: int) -> Step:
    arrived = move_statements.ARRIVED
    return Step(arrived, {"move": name, "kind": kind, "reached": json.dumps(reached), "came": came, "known": known})


async def _reached(end: End, name: str, kind: str) -> Row | None:
    rows = await end.run(Step(move_statements.REACHED, {"move": name, "kind": kind}))
    return rows[0] if rows else None


async def _finish(target: End, name: str) -> None:
    await target.run(Step(move_statements.FORGET_ARRIVALS, {"move": name}))


async def _departure(end: End) -> Departure | None:
    rows = await end.run(Step(statements.DEPARTURE, {}))
    return Departure(*rows[0]) if rows else None


async def _must_be_known_in_full(source: End) -> None:
    """What a later version stores beside, this one would leave behind."""
    ((version,),) = await source.run(Step(statements.VERSION, {}))
    newest = len(statements.MIGRATIONS)
    if version > newest:
        raise InboxError(
            f"FROM: {source.name} has schema {version}, but this version of the service knows only {newest}: move it "
            "with the newer version"
        )
