"""`coze:BOT_ID`, a bot of Coze: what it says, how it is asked, how it is stopped. `COZE_API_TOKEN` is its key."""

import json
import os
from collections.abc import AsyncGenerator, Iterator
from urllib.parse import urlencode

from actors.agents import AgentFailed, Alive, Begun, Event, Feedback, Finished, Question, Reasoning, Setup, Text, Used
from actors.agents.backend import BESIDE_WITHIN, Backend, Json, words
from actors.agents.gathering import gathered
from actors.agents.streams import ServerEvent
from actors.agents.wording import as_text
from actors.errors import SettingsError
from actors.redaction import hide


class Answer:
    """One answer while it is streamed: what Coze calls it, and whether nothing is left to stop."""

    def __init__(self) -> None:
        self.ids: Json = {}
        self.over = False

    def events(self, raw: ServerEvent) -> Iterator[Event]:
        """The event table."""
        said = json.loads(raw.data) if raw.data else {}
        match raw.name, said:
            case "conversation.chat.created", {"id": str(chat), "conversation_id": str(conversation)}:
                self.ids = {"chat_id": chat, "conversation_id": conversation}
                yield Begun(run=chat, session=conversation)
            case "conversation.message.delta", {"type": "answer", "reasoning_content": str(thought)} if thought:
                yield Reasoning(thought)
            case "conversation.message.delta", {"type": "answer", "content": str(text)}:
                yield Text(text)
            case "conversation.chat.completed", {"usage": {"input_count": int(read), "output_count": int(written)}}:
                self.over = True
                yield Used(read, written)
                yield Finished()
            case "conversation.chat.failed", {"last_error": error}:
                self.over = True
                raise AgentFailed("unavailable", words(error))
            case "conversation.chat.requires_action", _:
                raise AgentFailed("rejected", "the bot waits for a tool of its caller's", retryable=False)
            case (("error" | "whole"), _):  # `whole` is a reply that is no stream: here an error, though under HTTP 200
                self.over = True
                raise AgentFailed("rejected", words(said), retryable=False)
            case _:
                yield Alive()


class Coze:
    """Answers with what a bot says."""

    name = "coze"
    accepts: frozenset[str] = frozenset()

    def __init__(self, backend: Backend, bot: str) -> None:
        self._backend = backend
        self._bot = bot

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The request, and the stop of an answer that is left before its end."""
        asked = {"role": "user", "content": as_text(question), "content_type": "text"}
        body = {"bot_id": self._bot, "user_id": question.chat_id, "stream": True, "additional_messages": [asked]}
        path = "/v3/chat?" + urlencode({"conversation_id": question.session})
        answer = Answer()
        try:
            async with self._backend.events(path, body) as stream:
                async for raws in stream:
                    for event in gathered(answer.events, raws):
                        yield event
                    if answer.over:
                        return
        finally:
            if answer.ids and not answer.over:
                stop = self._backend.call("POST", "/v3/chat/cancel", within=BESIDE_WITHIN, json=answer.ids)
                self._backend.beside("the stop call to Coze", stop)

    async def feedback(self, given: Feedback) -> None:
        """Coze takes no ratings; `given.run` would name the answer."""

    async def close(self) -> None:
        """Let the stop calls come to their end."""
        await self._backend.close()


def make(rest: str, setup: Setup) -> Coze:
    """The agent of `coze:BOT_ID`, made before the service starts."""
    token = os.environ.get("COZE_API_TOKEN", "")
    if not (rest and token):
        raise SettingsError(("COZE_API_TOKEN: `coze:BOT_ID` needs a bot and this token, Coze's API page has both",))
    hide(token)
    base_url = os.environ.get("COZE_BASE_URL", "https://api.coze.cn")
    return Coze(Backend(setup, base_url, {"Authorization": f"Bearer {token}"}), rest)
