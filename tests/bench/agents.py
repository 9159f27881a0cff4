"""The agent of the benchmarks: as many pieces as the question says, evenly over as many seconds."""

import asyncio
from collections.abc import AsyncIterator

from actors.agents import Question


async def evenly(question: Question) -> AsyncIterator[str]:
    """`500 pieces 10 s` is what a question looks like; the pieces keep to their own clock, however late one is."""
    count, _, seconds, _ = question.text.split()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(count)):
        await asyncio.sleep(began + float(seconds) * number / int(count) - loop.time())
        yield "字字"
