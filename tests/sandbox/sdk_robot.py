"""A robot on the unmodified dingtalk_stream, as a process of its own: `python sdk_robot.py CLIENT_ID CLIENT_SECRET`.

It uses the helper of the SDK that a message names (`HELPERS`); to any other it answers by webhook and with the SDK's AI
card in four steps. It takes clicks and events. Whoever starts it with `at-once` has it on the SDK's handler that acks
before it works. The SDK finds the sandbox by DINGTALK_OPENAPI_ENDPOINT.
"""

# mypy: disable-error-code="no-untyped-call"

import json
import os
import sys
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import requests
from dingtalk_stream.card_callback import CardCallbackMessage
from dingtalk_stream.card_replier import AICardReplier, CardReplier
from dingtalk_stream.chatbot import AsyncChatbotHandler, ChatbotHandler, ChatbotMessage
from dingtalk_stream.credential import Credential
from dingtalk_stream.frames import AckMessage, CallbackMessage, EventMessage
from dingtalk_stream.handlers import CallbackHandler, EventHandler
from dingtalk_stream.interactive_card import generate_multi_text_line_card_data
from dingtalk_stream.stream import DingTalkStreamClient

AI_TEMPLATE = "382e4302-551d-4880-bf29-a30acfab2e71.schema"
BUTTON = {"text": "有帮助", "id": "helpful", "color": "blue", "request": True}
SLIDES = [("一", "@one"), ("二", "@two")]


def markdown_card(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    robot.reply_markdown_card("**您好**", message, title="标题", at_sender=True).update("**再见**")


def markdown_button(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    robot.reply_markdown_button(message, "**您好**", [BUTTON], title="标题").update("**再见**", [])


def standard_card(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    card = robot.reply_card(generate_multi_text_line_card_data("标题", "", ["一", "二"]), message, at_sender=True)
    robot.update_card(card, generate_multi_text_line_card_data("标题", "", ["三"]))


def failing(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    robot.ai_markdown_card_start(message, title="标题").ai_fail()


def create_and_deliver(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    card = CardReplier(robot.dingtalk_client, message)
    card.create_and_deliver_card(AI_TEMPLATE, {"flowStatus": "3", "msgContent": "您好"}, at_all=True)


def streaming(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    card = AICardReplier(robot.dingtalk_client, message)
    track = card.start(AI_TEMPLATE, {})
    card.streaming(track, "msgContent", "第一段", append=False, finished=False, failed=False)
    card.streaming(track, "msgContent", "第一段，完", append=False, finished=True, failed=False)


async def streaming_without_waiting(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    card = AICardReplier(robot.dingtalk_client, message)
    track = await card.async_start(AI_TEMPLATE, {})
    await card.async_streaming(track, "msgContent", "第一段", append=False, finished=False, failed=False)
    await card.async_streaming(track, "msgContent", "第一", append=False, finished=False, failed=True)
    await card.async_create_and_deliver_card(AI_TEMPLATE, {"msgContent": "您好"})
    await card.async_finish(track, {"msgContent": "完"})
    await card.async_fail(track, {"msgContent": "不行"})


HELPERS: dict[str, Callable[[ChatbotHandler, ChatbotMessage], object]] = {
    "markdown": lambda robot, message: robot.reply_markdown("标题", "**您好**", message),
    "markdown card": markdown_card,
    "markdown button": markdown_button,
    "AI button": lambda robot, message: robot.reply_ai_markdown_button(message, "**您好**", [BUTTON], title="标题"),
    "carousel": lambda robot, message: robot.reply_carousel_card(message, "**您好**", SLIDES, "选", title="标题"),
    "plugin": lambda robot, message: robot.reply_rpa_plugin_card(message, plugin_name="p", goal="目标"),
    "standard card": standard_card,
    "failing": failing,
    "create and deliver": create_and_deliver,
    "streaming": streaming,
    "streaming without waiting": streaming_without_waiting,
}


def answer(robot: ChatbotHandler, message: ChatbotMessage) -> None:
    """What is said to anything else: plainly, and on a card."""
    robot.reply_text(f"收到：{message.text.content.strip()}", message)
    card = robot.ai_markdown_card_start(message, title="回答")
    card.ai_streaming("第一段", append=True)
    card.ai_streaming("，第二段", append=True)
    card.ai_finish(markdown="第一段，第二段，完", button_list=[BUTTON])


class Answering(ChatbotHandler):
    """Answers, then acks."""

    async def process(self, callback: CallbackMessage) -> tuple[int, str]:
        """One robot message."""
        message = ChatbotMessage.from_dict(callback.data)
        if message.message_type in {"picture", "richText"}:
            pictures = self.extract_image_from_incoming_message(message)
            texts = self.extract_text_from_incoming_message(message) or []
            self.reply_text(" ".join([*texts, *pictures]), message)
            return AckMessage.STATUS_OK, "OK"
        helper = HELPERS.get(message.text.content.strip())
        if helper is None:
            answer(self, message)
        elif isawaitable(working := helper(self, message)):
            await working
        return AckMessage.STATUS_OK, "OK"


class AnsweringLater(AsyncChatbotHandler):
    """Acks, then answers."""

    def process(self, callback: CallbackMessage) -> tuple[int, str]:  # type: ignore[override]  # as its base has it
        """One robot message, in a thread."""
        answer(self, ChatbotMessage.from_dict(callback.data))
        return AckMessage.STATUS_OK, "OK"


class Clicks(CallbackHandler):
    """Answers every click with a new title for whoever clicked."""

    async def process(self, callback: CallbackMessage) -> tuple[int, dict[str, Any]]:
        """One click."""
        click = CardCallbackMessage.from_dict(callback.data)
        title = json.dumps(click.content["cardPrivateData"]["actionIds"])
        return AckMessage.STATUS_OK, {"cardData": {"cardParamMap": {"msgTitle": title}}}


class Happenings(EventHandler):
    """Consumes every event, except those that it is not in the mood for."""

    async def process(self, event: EventMessage) -> tuple[int, str]:
        """One event."""
        if event.headers.event_type == "not_now":
            return AckMessage.STATUS_SYSTEM_EXCEPTION, "later"
        return AckMessage.STATUS_OK, "OK"


def upload_to_the_sandbox() -> None:
    """The SDK's upload alone has its address built in: it is sent on where all else goes."""
    post = requests.post

    def to_sandbox(url: str, **call: Any) -> requests.Response:
        return post(url.replace("https://oapi.dingtalk.com", os.environ["DINGTALK_OPENAPI_ENDPOINT"]), **call)

    requests.post = to_sandbox  # type: ignore[assignment]


if __name__ == "__main__":
    upload_to_the_sandbox()
    client = DingTalkStreamClient(Credential(*sys.argv[1:3]))
    client.register_callback_handler(ChatbotMessage.TOPIC, AnsweringLater() if "at-once" in sys.argv else Answering())
    client.register_callback_handler(CallbackHandler.TOPIC_CARD_CALLBACK, Clicks())
    client.register_all_event_handler(Happenings())
    client.start_forever()
