"""A JitNode as its documentation describes it, as far as signed calls meet it: an app's HTTP entry on loopback.

It checks key, time and signature, calls the function of the element, and signs what it returns. The bridge element in
it is the real one.

`python -m tests.agents.jit_node` is a command of the service in a process that has an `app`, as inside a JitNode.
"""

import asyncio
import base64
import builtins
import hashlib
import importlib
import json
import runpy
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import web

from tests.agents.jitai import AIAgent, App, Assistant, Code, Say, text

SERVICES = Path(__file__).parents[2] / "deploy/jitai/services"
KEY, SECRET = "robot-key", "robot-secret"
ORGANISATION, APP = "wanyun", "MyApp"


class NormalService:
    """`services.NormalType.NormalService`: it takes the arguments that are declared, and no others."""

    def requestHandle(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: N802
        declared = json.loads((SERVICES / type(self).__name__ / "e.json").read_text("utf-8"))["functionList"]
        names = next(({arg["name"] for arg in one["args"]} for one in declared if one["name"] == function), None)
        if names is None or names != arguments.keys():
            raise Code(40001, f"API_PARAMS_ERROR {function}")
        return getattr(self, function)(**arguments)


def bridge() -> Any:
    """The bridge element, newly loaded into an app."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "services"]:
        del sys.modules[name]
    family, kind = ModuleType("services"), ModuleType("services.NormalType")
    family.__path__ = [str(SERVICES)]
    kind.NormalService = NormalService  # type: ignore[attr-defined]
    sys.modules |= {"services": family, "services.NormalType": kind}
    return importlib.import_module("services.AgentBridge").AgentBridge()


def sign(arguments: dict[str, Any], timestamp: Any) -> str:
    """The signature, as `api-authorization` and JitAi's client have it."""
    named = {key.lower(): value for key, value in {**arguments, "timestamp": timestamp, "secret": SECRET}.items()}
    compact = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    parts = [
        f"{key}={value if isinstance(value, str) else compact.encode(value)}" for key, value in sorted(named.items())
    ]
    return hashlib.sha1(base64.b64encode("&".join(parts).encode())).hexdigest()


Fault = Callable[[dict[str, Any]], web.StreamResponse | None]
"""What happens to a call instead of it, by its arguments; None if nothing does."""


@dataclass
class Node:
    """The node: what was called, as (function, arguments), which calls were done, and what goes wrong, by function:
    `faults` happen instead of a call, `lost` is how many replies to calls that were done are lost."""

    url: str = ""
    element: Any = field(default_factory=bridge)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def agent(self) -> str:
        """The value of AGENT for the shop's agent."""
        return f"jit+{self.url}/{ORGANISATION}/{APP}/aiagents.shop"

    def called(self, function: str) -> int:
        """How often a function was called."""
        return sum(name == function for name, _ in self.calls)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        arguments = await request.json()
        function = request.match_info["function"]
        self.calls.append((function, arguments))
        if function in self.faults and (instead := self.faults[function](arguments)) is not None:
            return instead
        if request.headers.get("accessKey") != KEY:
            return failed(41002, "accessKey不存在")
        stamp = request.headers["timestamp"]
        if abs(time.time() - int(stamp) / 1000) > 300 or request.headers["accessSign"] != sign(arguments, stamp):
            return failed(41001, "签名错误")
        if request.match_info["element"] != "services/AgentBridge":
            return failed(46001, f"元素{request.match_info['element']}不存在")
        try:
            result = await asyncio.to_thread(self.element.requestHandle, function, arguments)
        except Code as error:
            return failed(error.code, error.reason)
        self.done.append(function)
        if self.lost[function] > 0:
            self.lost[function] -= 1
            return web.Response(status=502)
        return signed(result)


def signed(result: Any) -> web.Response:
    """What a function returned, in the documented envelope."""
    now = int(time.time() * 1000)
    return replied({"data": result, "timestamp": now, "accessSign": sign({"data": result}, now)})


def replied(data: Any, code: int = 0, message: str = "OK") -> web.Response:
    """A reply in the documented envelope."""
    return web.json_response({"errcode": code, "errmsg": message, "requestId": "r", "data": data})


def failed(code: int, message: str) -> web.Response:
    """An error in the documented envelope."""
    return replied({}, code, message)


@asynccontextmanager
async def jit_node() -> AsyncIterator[Node]:
    """A node on loopback; the app is Python's builtin, which somebody has to put there."""
    node = Node()
    server = web.Application()
    server.router.add_post(f"/api/{ORGANISATION}/{APP}/{{element:.+}}/{{function}}", node.handle)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield node
    finally:
        await runner.cleanup()


def shop(asked: str, say: Say) -> dict[str, str]:
    """An agent's script that quotes what it was asked."""
    say(text("您问："))
    say(text(asked))
    return {"output": f"您问：{asked}"}


def chunks(asked: str, say: Say) -> None:
    """The same for an assistant."""
    say({"content": "您问："})
    say({"content": asked, "finished": True})


def main() -> None:
    """Run a command of the service beside an app."""
    builtins.app = App(shop=AIAgent(shop), guide=Assistant(chunks))  # type: ignore[attr-defined]
    runpy.run_module("actors", run_name="__main__")


if __name__ == "__main__":
    main()
