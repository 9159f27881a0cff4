"""`jit+https://HOST[:PORT]/ORG/APP/FULLNAME`: an agent or assistant of a JitAi app, from outside JitNode.

It is reached through the element `services.AgentBridge` (`deploy/jitai/services`), which has to be copied into the
app: `start` begins a run, `poll` tells what it has said since, `cancel` stops it. HOST is the entry of the JitAi
environment, ORG and APP are its ids, FULLNAME is the element's. `jit+http://` is the same without TLS, for a private
network.

A run has an id that follows from its question, so that whoever asks again, after a lost reply or in a process that
takes over, meets the same run. What an element says is interpreted here, by the same table as `jit:`.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from actors.agents import jit_element
from actors.agents.backend import Backend
from actors.agents.jit_element import JitElement, Returned, not_initialized, still_at_work
from actors.agents.jit_events import asked, failure_of
from actors.agents.jit_signature import headers, opened
from actors.agents.setup import Setup
from actors.core.question import Question
from actors.errors import AgentFailed, SettingsError

FORM = "jit+https://HOST/ORG/APP/FULLNAME"

CALL_WITHIN = 10.0
"""Seconds for one call; the bridge answers each at once."""

QUICK, SLOW, SLOWER = 0.3, 1.0, 1.3
"""Seconds between two polls while the agent speaks and while it is silent, and how one becomes the other: JitAi keeps
a record of every call."""

POLL_TRIES = 4
"""Polls in a row that may fail."""

STOP_TRIES = 4
"""Cancels of a run that is not known yet."""


class _Told(NamedTuple):
    """What a poll told."""

    events: list[Any]
    next: int
    ended: Mapping[str, Any] | None


class BridgedAgent(JitElement):
    """Answers by an element of an app that is run elsewhere."""

    def __init__(
        self, backend: Backend, full_name: str, key: str, secret: str, wall: Callable[[], float] = time.time
    ) -> None:
        self._backend = backend
        self._full_name = full_name
        self._key = key
        self._secret = secret
        self._wall = wall

    async def close(self) -> None:
        """Wait for the runs that are being stopped, for a bounded time."""
        await self._backend.close()

    async def _said(self, question: Question, chat_id: str, node_id: str) -> AsyncGenerator[Any, None]:
        run_id = _run_id(question)
        ended: Mapping[str, Any] | None = None
        try:
            await self._start(asked(question, node_id), chat_id, run_id, node_id)
            after, pause = 0, QUICK
            while True:
                told = await self._poll(run_id, after)
                ended = told.ended
                for event in told.events:
                    yield event
                if ended is not None:
                    break
                pause = QUICK if told.events else min(pause * SLOWER, SLOW)
                after = told.next
                await asyncio.sleep(pause)
        except (GeneratorExit, asyncio.CancelledError):
            if ended is None:
                self._backend.beside("cancel of a JitAi run", self._stop(run_id))
            raise
        yield Returned(_value(ended, question, self._full_name))

    async def _start(self, text: str, chat_id: str, run_id: str, node_id: str) -> None:
        give_up = time.monotonic() + jit_element.FORMER_GRACE
        asked = {"agent": self._full_name, "user_input": text, "chatId": chat_id, "runId": run_id, "nodeId": node_id}
        while True:
            match await self._call("start", **asked):
                case {"state": "running"}:
                    return
                case {"state": "busy"}:
                    if time.monotonic() >= give_up:
                        raise still_at_work()
                    await asyncio.sleep(QUICK)
                case {"state": "full"}:
                    raise AgentFailed("throttled", "the bridge has as many runs at work as it takes")
                case {"state": "no_agent", "why": str(why)}:
                    what = f"the app has no agent or assistant {self._full_name} ({why})"
                    raise AgentFailed("rejected", what, retryable=False)
                case _:
                    raise _strange("start")

    async def _poll(self, run_id: str, after: int) -> _Told:
        for tried in range(1, POLL_TRIES + 1):
            try:
                reply = await self._call("poll", runId=run_id, after=after)
                break
            except AgentFailed as failure:
                if tried == POLL_TRIES or not failure.retryable:
                    raise
                await asyncio.sleep(QUICK * tried)
        match reply:
            case {"state": "known", "events": list(events), "next": int(following), "ended": dict() | None as ended}:
                return _Told(events, following, ended)
            case {"state": "unknown"}:
                what = "the bridge does not know the run: was JitNode started again, or are there several of it?"
                raise AgentFailed("error", what)
            case _:
                raise _strange("poll")

    async def _stop(self, run_id: str) -> None:
        """A run that is not known may be on its way: the call that starts it was not waited for."""
        for _ in range(STOP_TRIES):
            if await self._call("cancel", runId=run_id) != {"state": "unknown"}:
                return
            await asyncio.sleep(QUICK)

    async def _call(self, function: str, **arguments: Any) -> Any:
        signed = headers(arguments, self._key, self._secret, self._wall())
        reply = await self._backend.call("POST", f"/{function}", within=CALL_WITHIN, json=arguments, headers=signed)
        return opened(reply, self._secret, self._wall())


def make(rest: str, setup: Setup) -> BridgedAgent:
    """The agent that `jit+https:` names.

    Raises:
        SettingsError: the address is none, or there is no key.
    """
    return _made("https", rest, setup)


def make_plain(rest: str, setup: Setup) -> BridgedAgent:
    """The agent that `jit+http:` names, as `make` does."""
    return _made("http", rest, setup)


def _made(scheme: str, rest: str, setup: Setup) -> BridgedAgent:
    spec = f"jit+{scheme}:{rest.strip()}"
    problems = []
    try:
        parts = urlsplit(f"{scheme}:{rest.strip()}")
        organisation, app, full_name = parts.path.removeprefix("/").split("/")
        whole = bool(parts.hostname and organisation and app and full_name) and parts.port != 0
        odd = parts.query or parts.fragment or parts.username or re.search(r"\s", spec)
    except ValueError:
        whole, odd = False, ""
    if not whole or odd:
        problems.append(f"AGENT={spec!r}: is no such address, write it as {FORM}")
    key, secret = setup.settings.jit_access_key, setup.settings.jit_access_secret
    if not key:
        problems.append("JIT_ACCESS_KEY: must be set, it is the access key of an API authorisation of the app")
    if secret is None:
        problems.append("JIT_ACCESS_SECRET: must be set, it is the secret of JIT_ACCESS_KEY")
    if problems or not key or secret is None:
        raise SettingsError(tuple(problems))
    base_url = f"{scheme}://{parts.netloc}/api/{organisation}/{app}/services/AgentBridge"
    return BridgedAgent(Backend(setup, base_url), full_name, key, secret.get_secret_value())


def _run_id(question: Question) -> str:
    whole = f"{question.robot} {question.message_id} {question.replay}"
    return sha256(whole.encode()).hexdigest()[:32]


def _value(ended: Mapping[str, Any], question: Question, full_name: str) -> Any:
    """What a run returned.

    Raises:
        AgentFailed: it ended in another way.
    """
    match ended:
        case {"how": "returned", "value": value}:
            return value
        case {"how": "raised", "initialized": False}:
            raise not_initialized(full_name)
        case {"how": "raised", "code": code, "reason": reason}:
            raise AgentFailed("error", failure_of(code, reason, question))
        case {"how": "raised", "error": str(name)}:
            raise AgentFailed("error", name)
        case {"how": "too_long"}:
            raise AgentFailed("error", "the run said more than the bridge keeps", retryable=False)
        case {"how": str(how)}:
            raise AgentFailed("error", f"the run was {how}")
        case _:
            raise _strange("poll")


def _strange(function: str) -> AgentFailed:
    what = f"{function} replied what no AgentBridge says, is the app's element of this version?"
    return AgentFailed("error", what, retryable=False)
