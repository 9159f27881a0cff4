"""One robot's attachments: fetched from DingTalk as soon as a question is stored, kept while its turn lasts.

The law: an attachment is fetched once, whoever asks first, and another try is made only for trouble that may pass. What
cannot be had is left out, logged and counted, each once; it never fails the question. No file outlives its turn for
long, and no folder is anybody's but ours.

Platform facts: open.dingtalk.com ("download the file content of the robot receiving message").
"""

import asyncio
import logging
import shutil
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from actors import metrics
from actors.core.question import KINDS, Attachment, Question
from actors.dingtalk.download import NotFetched, Outcome, download, source
from actors.dingtalk.filenames import safe_name
from actors.dingtalk.openapi import DOWNLOAD, OpenApi
from actors.errors import PASSING, CallFailed

log = logging.getLogger(__name__)

DIRECTORY = Path("var/attachments")
"""Where attachments are kept, each robot's apart."""

MOST = 10
"""Attachments of one question that are fetched; a rich text can hold any number of pictures."""

AT_ONCE = 4
"""Downloads at once in this process. Each occupies a thread of asyncio's pool while it writes, and the pool, which also
looks up host names, has five or more."""

KEEP_FOR = 3600.0
"""Seconds after which files that nobody asked for, or that a killed process left, are deleted."""

SPARE_BYTES = 256_000_000
"""What stays free on the disk: the inbox may lie on it, and has to go on taking questions."""


@dataclass(slots=True)
class _Held:
    """The attachments of one question, fetched or on their way."""

    tries: list[asyncio.Task[Attachment | NotFetched]] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    repeated: bool = False
    expiry: asyncio.TimerHandle | None = None


class Files:
    """Implements the port `Attachments` for one robot, in a folder of its own below `directory`.

    `max_bytes` and `timeout` (seconds) are for each attachment; `slots` is shared by all robots and says how many
    downloads go on at once; the wait for a slot is not on the clock.
    """

    def __init__(
        self,
        api: OpenApi,
        session: aiohttp.ClientSession,
        directory: Path,
        *,
        max_bytes: int,
        timeout: float,
        slots: asyncio.Semaphore,
        keep_for: float = KEEP_FOR,
    ) -> None:
        self._api = api
        self._session = session
        self._directory = directory.absolute() / safe_name(api.robot.client_id)
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._slots = slots
        self._keep_for = keep_for
        self._held: dict[str, _Held] = {}
        self._aside: set[asyncio.Task[None]] = set()

    def prefetch(self, question: Question) -> None:
        """Begin at once; see the port."""
        if not question.attachments or question.message_id in self._held:
            return
        held = self._hold(question)
        held.expiry = asyncio.get_running_loop().call_later(self._keep_for, self._expire, question)

    async def fetch(self, question: Question) -> tuple[Attachment, ...]:
        """The attachments with their URLs; see the port."""
        if not question.attachments:
            return ()
        held = self._held.get(question.message_id) or self._hold(question)
        if held.expiry:
            held.expiry.cancel()
        await asyncio.wait(held.tries)
        if not held.repeated:
            held.repeated = True
            held.tries = [
                self._begin(question, held, attachment, last=True) if _failed_in_passing(task) else task
                for attachment, task in zip(question.attachments, held.tries, strict=False)
            ]
        await asyncio.wait(held.tries)
        results = [task.result() for task in held.tries if not task.cancelled()]
        return tuple(result for result in results if isinstance(result, Attachment))

    async def drop(self, question: Question) -> None:
        """Delete the files; see the port."""
        held = self._held.pop(question.message_id, None)
        if held is not None:
            # Whoever drops it may go at any moment, a conversation that is stopped for one; the files go all the same.
            await asyncio.shield(self._beside(_give_up(held)))

    async def clean(self) -> None:
        """Delete what a killed process left behind; to be called at the start, and now and then."""
        ours = {place for held in self._held.values() for place in held.places}
        await asyncio.to_thread(_sweep, self._directory, ours, time.time() - self._keep_for)

    async def close(self) -> None:
        """Give up every download and delete every file: whoever takes the questions next fetches them again."""
        while self._held:
            await _give_up(self._held.popitem()[1])
        if self._aside:
            await asyncio.wait(self._aside)

    def _hold(self, question: Question) -> _Held:
        held = self._held[question.message_id] = _Held()
        held.tries = [self._begin(question, held, attachment) for attachment in question.attachments[:MOST]]
        surplus = question.attachments[MOST:]
        if surplus:
            self._warn(question, f"{len(surplus)} attachments more than {MOST}", outcome=Outcome.REFUSED)
        for attachment in surplus:
            self._count(attachment, Outcome.REFUSED)
        return held

    def _begin(
        self, question: Question, held: _Held, attachment: Attachment, *, last: bool = False
    ) -> asyncio.Task[Attachment | NotFetched]:
        place = self._directory / uuid.uuid4().hex
        held.places.append(place)
        return asyncio.get_running_loop().create_task(self._try(question, attachment, place, last=last))

    async def _try(
        self, question: Question, attachment: Attachment, place: Path, *, last: bool
    ) -> Attachment | NotFetched:
        """One try to fetch an attachment. A failure that may pass is told of when it was the last try."""
        try:
            async with self._slots, asyncio.timeout(self._timeout):
                path = await self._get(question, attachment, place)
        except TimeoutError:
            trouble = NotFetched(Outcome.TIMEOUT, f"not there within {self._timeout:g} s")
        except NotFetched as error:
            trouble = error
        else:
            self._count(attachment, Outcome.FETCHED)
            return replace(attachment, url=path.as_uri(), name=path.name)
        await asyncio.to_thread(_remove, place)
        if last or not trouble.passing:
            self._count(attachment, trouble.outcome)
            self._warn(question, str(trouble), kind=attachment.kind, outcome=trouble.outcome)
        return trouble

    async def _get(self, question: Question, attachment: Attachment, place: Path) -> Path:
        """Ask where the file is, and download it."""
        asked = {"downloadCode": attachment.code, "robotCode": question.address.robot_code}
        try:
            answer = await self._api.call(DOWNLOAD, lambda: asked)
        except CallFailed as error:
            raise NotFetched(Outcome.FAILED if error.fault in PASSING else Outcome.REFUSED, str(error)) from error
        endpoint = self._api.robot.endpoint
        url = source(answer.get("downloadUrl"), endpoint)
        await asyncio.to_thread(_make, place, self._max_bytes + SPARE_BYTES)
        return await download(self._session, url, endpoint, attachment, place, max_bytes=self._max_bytes)

    def _expire(self, question: Question) -> None:
        self._beside(self.drop(question))

    def _beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task

    def _count(self, attachment: Attachment, outcome: Outcome) -> None:
        kind = attachment.kind if attachment.kind in KINDS else "other"
        metrics.ATTACHMENTS.labels(robot=self._api.robot.client_id, kind=kind, outcome=outcome).inc()

    def _warn(self, question: Question, why: str, **details: str) -> None:
        log.warning(
            "an attachment was not fetched: %s",
            why,
            extra={"action": "attachment_not_fetched", **question.ids, **details},
        )


def _failed_in_passing(task: asyncio.Task[Attachment | NotFetched]) -> bool:
    result = None if task.cancelled() else task.result()
    return isinstance(result, NotFetched) and result.passing


async def _give_up(held: _Held) -> None:
    if held.expiry:
        held.expiry.cancel()
    for task in held.tries:
        task.cancel()
    await asyncio.wait(held.tries)
    await asyncio.to_thread(_remove, *held.places)


def _make(place: Path, room: int) -> None:
    """Make a place that nobody else can look into, on a disk with so many bytes free.

    Raises:
        NotFetched: there is none.
    """
    try:
        place.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        place.mkdir(mode=0o700)
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise NotFetched(Outcome.FAILED, f"no place to put it, {error.strerror}") from error
    if free < room:
        raise NotFetched(Outcome.FAILED, "the disk is nearly full")


def _remove(*places: Path) -> None:
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


def _sweep(directory: Path, ours: set[Path], before: float) -> None:
    """Remove the places that are not ours and older than `before` (seconds since the epoch)."""
    for place in directory.iterdir() if directory.is_dir() else ():
        with suppress(OSError):  # somebody else may be sweeping as well
            if place not in ours and place.stat().st_mtime < before:
                _remove(place)
