"""A robot on the unmodified dingtalk_stream, as a process of its own: `python sdk_robot.py CLIENT_ID CLIENT_SECRET`.

It greets by webhook, answers with the SDK's AI card in four steps, and takes clicks. The SDK finds the sandbox by
DINGTALK_OPENAPI_ENDPOINT.
"""

# mypy: disable-error-code="no-untyped-call"

import json
import sys
from typing import Any

from dingtalk_stream.card_callback import CardCallbackMessage
from dingtalk_stream.chatbot import ChatbotHandler, ChatbotMessage
from dingtalk_stream.credential import Credential
from dingtalk_stream.frames import AckMessage, CallbackMessage
from dingtalk_stream.handlers import CallbackHandler
from dingtalk_stream.stream import DingTalkStreamClient

BUTTON = {"text": "有帮助", "id": "helpful", "color": "blue", "request": True}


class Answering(ChatbotHandler):
    """Answers every message twice: plainly, and on a card."""

    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        """One robot message."""
        message = ChatbotMessage.from_dict(callback.data)
        self.reply_text(f"收到：{message.text.content.strip()}", message)
        card = self.ai_markdown_card_start(message, title="回答")
        card.ai_streaming("第一段", append=True)
        card.ai_streaming("，第二段", append=True)
        card.ai_finish(markdown="第一段，第二段，完", button_list=[BUTTON])
        return AckMessage.STATUS_OK, "OK"


class Clicks(CallbackHandler):
    """Answers every click with a new title for whoever clicked."""

    async def process(self, callback: CallbackMessage) -> tuple[int, dict[str, Any]]:
        """One click."""
        click = CardCallbackMessage.from_dict(callback.data)
        title = json.dumps(click.content["cardPrivateData"]["actionIds"])
        return AckMessage.STATUS_OK, {"cardData": {"cardParamMap": {"msgTitle": title}}}


client = DingTalkStreamClient(Credential(*sys.argv[1:3]))
client.register_callback_handler(ChatbotMessage.TOPIC, Answering())
client.register_callback_handler(CallbackHandler.TOPIC_CARD_CALLBACK, Clicks())
client.start_forever()
