"""The founding tutorial's way to write the robot, on DingTalk's SDK, and the same on the SDK's eight threads.

Its rules, not its faults: a StandardCard at once; an update after 5 pieces or 2 s, whichever is first, as long as there
are 19; then the whole text with four buttons, and, with one thread, the ack. The ids of its elements differ here (the
tutorial's do not, and its last card is refused where they have to), and the answer is not copied into the buttons.
"""

import itertools
import logging
import os
import sys
import time
from typing import Any

from dingtalk_stream.chatbot import AsyncChatbotHandler, ChatbotHandler, ChatbotMessage
from dingtalk_stream.credential import Credential
from dingtalk_stream.frames import AckMessage, CallbackMessage
from dingtalk_stream.stream import DingTalkStreamClient

from tests.bench.agents import blocking

UPDATES, AFTER_PIECES, AFTER_SECONDS = 20, 5, 2.0
BUTTONS = ("😄 非常有帮助", "😊 有帮助", "🙂 帮助不大", "😅 没帮助")
_ids = itertools.count(1)


class OneAtATime(ChatbotHandler):
    """Answers on the SDK's event loop, which waits for it."""

    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        answer(self, callback)
        return AckMessage.STATUS_OK, "OK"


class InThreads(AsyncChatbotHandler):
    """Answers in one of the SDK's threads; its ack is there already."""

    def process(self, callback: CallbackMessage) -> tuple[int, str]:  # type: ignore[override]
        answer(self, callback)
        return AckMessage.STATUS_OK, "OK"


def answer(handler: ChatbotHandler, callback: CallbackMessage) -> None:
    """One question's way."""
    message = ChatbotMessage.from_dict(callback.data)  # type: ignore[no-untyped-call]
    question = message.text.content.strip()
    thinking = card(question, "[思考]正在分析您的问题，请稍候...")
    name = handler.reply_card(card_data=thinking, incoming_message=message, at_sender=True)
    said: list[str] = []
    updates, unseen, last = 0, 0, time.time()
    for piece in blocking(question):
        said.append(piece)
        unseen += 1
        if updates < UPDATES - 1 and (unseen >= AFTER_PIECES or time.time() - last >= AFTER_SECONDS):
            handler.update_card(name, card(question, "".join(said)))
            updates, unseen, last = updates + 1, 0, time.time()
    handler.update_card(name, card(question, "".join(said), BUTTONS))


def card(title: str, text: str, buttons: tuple[str, ...] = ()) -> dict[str, Any]:
    """A StandardCard with a title, a text, and buttons if there are some."""
    contents: list[dict[str, Any]] = [{"type": "markdown", "text": text, "id": _id()}]
    if buttons:
        actions = [
            {
                "type": "button",
                "label": {"type": "text", "text": label, "id": _id()},
                "actionType": "request",
                "status": "normal",
                "id": _id(),
            }
            for label in buttons
        ]
        contents += [{"type": "divider", "id": _id()}, {"type": "action", "actions": actions, "id": _id()}]
    return {
        "config": {"autoLayout": True, "enableForward": True},
        "header": {"title": {"type": "text", "text": title}},
        "contents": contents,
    }


def _id() -> str:
    return f"e{next(_ids)}"


def main(how: str) -> None:
    """Serve for ever."""
    logging.disable(logging.CRITICAL)  # the SDK tells of each frame and each refused call
    client_id, secret = os.environ["DINGTALK_CLIENT_ID"], os.environ["DINGTALK_CLIENT_SECRET"]
    handler: Any = InThreads if how == "threads" else OneAtATime
    sdk: Any = DingTalkStreamClient
    client = sdk(Credential(client_id, secret))  # type: ignore[no-untyped-call]
    client.register_callback_handler(ChatbotMessage.TOPIC, handler())
    client.start_forever()


if __name__ == "__main__":
    main(sys.argv[1])
