"""Who is measured: the service, and other ways to write the same robot, each a program of its own.

Each is led to the platform by the variables that DingTalk's Python SDK and most robots read, answers with the agent of
the benchmarks, and knows nothing of being measured.
"""

from collections.abc import Mapping, Sequence

OURS = "ours"
TUTORIAL = "tutorial"
THREADS = "eight threads"
TASKS = "tasks"

PROGRAMS: Mapping[str, Sequence[str]] = {
    OURS: ("actors", "run"),
    TUTORIAL: ("tests.bench.contestants.tutorial", "one"),
    THREADS: ("tests.bench.contestants.tutorial", "threads"),
    TASKS: ("tests.bench.contestants.tasks",),
}
"""The module of each, and its arguments."""

WHO: Mapping[str, str] = {
    OURS: "the service, `python -m actors run`, with its defaults and its inbox on disk",
    TUTORIAL: "the founding tutorial's way on DingTalk's SDK: a handler that blocks, an update after 5 pieces or 2 s, "
    "as long as there are 19, the ack after the answer",
    THREADS: "the same on the SDK's eight threads (`AsyncChatbotHandler`), which acks at once",
    TASKS: "an asyncio task for each message: the service's calls, limiter and pacing rule, without actors, inbox, "
    "retries of the agent or supervision: the bound for what those may cost",
}
