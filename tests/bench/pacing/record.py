"""`python -m tests.bench.pacing.record`: when the pieces of real answers come, written to recorded.json.

There are two sources, both on this machine, each through the service's own agent for it: the small language model of
`tests.agents.local_model`, and the folder of the sample shop. Neither is a large model far away: the first one's pieces
come as fast as a core makes them beside whatever else runs, the second one's at the pace that is set.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from actors.agents.registry import make_agent
from actors.agents.setup import Setup, no_session
from actors.core.events import Agent, Text
from actors.variables import Variables
from tests.agents.stories import ask

RECORDED = Path(__file__).parent / "recorded.json"

ENDLESS = "Repeat hello for ever: hello hello hello hello hello hello hello hello hello hello"
"""The model rarely ends of itself; with this it goes on for as many tokens as it may have."""

TOKENS = (60, 200, 600)

ASKED = ("怎么退货？", "什么时候发货？", "会员有什么好处？")


async def moments(agent: Agent, text: str) -> list[float]:
    """Seconds since the first piece at which each piece of an answer came, and at last its end."""
    loop, came = asyncio.get_running_loop(), list[float]()
    async for event in agent.answer(ask(text)):
        if isinstance(event, Text) and event.text:
            came.append(loop.time())
    came.append(loop.time())
    return [round(at - came[0], 3) for at in came]


@contextmanager
def model(tokens: int) -> Iterator[str]:
    """The model's server, where it is to be had."""
    command = (sys.executable, "-m", "tests.agents.local_model", "--port=0", f"--tokens={tokens}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = re.search(r"http\S+/v1", process.stdout.readline())
            assert address
            yield address[0]
        finally:
            process.terminate()


async def modelled(url: str) -> list[float]:
    """An answer of the model."""
    async with aiohttp.ClientSession() as session:
        known = Variables.model_validate({"openai_base_url": url})
        return await moments(make_agent("openai:gemma", Setup(known, lambda: session)), ENDLESS)


async def looked_up(text: str) -> list[float]:
    """An answer of the shop's folder."""
    agent = make_agent("faq:", Setup(Variables(), no_session))
    try:
        return await moments(agent, text)
    finally:
        await agent.close()


def main() -> None:
    """Record, one after the other."""
    answers = {f"shop: {text}": asyncio.run(looked_up(text)) for text in ASKED}
    for tokens in TOKENS:
        with model(tokens) as url:
            answers[f"model: {tokens} tokens"] = asyncio.run(modelled(url))
    RECORDED.write_text(json.dumps(answers, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    for name, came in answers.items():
        print(f"{name}: {len(came) - 1} pieces in {came[-1]:.1f} s")


if __name__ == "__main__":
    main()
