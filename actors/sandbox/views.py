"""What the chat page shows: records as plain data, Markdown as safe HTML.

What comes from a chat is data. Markdown is rendered here, with raw HTML escaped and only web links kept; everything
else is text, which the page must treat as text.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from html import escape, unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from actors.sandbox.records import EVERYBODY, Card, Chat, Entry, Message, Said
from actors.sandbox.standard import TEMPLATE as STANDARD
from actors.sandbox.world import World

LATEST = 400
INLINE = re.compile(r"</?(?:a|code|em|s|strong)\b[^>]*>")
TAG = re.compile(r"</?[a-z][^>]*>")
LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def everything(world: World) -> dict[str, Any]:
    """The state of the whole page."""
    return presence(world) | {"entries": [entry(world, each) for each in world.entries[-LATEST:]]}


def presence(world: World) -> dict[str, Any]:
    """Who is there."""
    return {
        "robots": [{"id": robot, "connections": world.online(robot)} for robot in world.robots],
        "people": [
            {"id": person.id, "nick": person.nick, "staff": person.staff} for person in list(world.people.values())[:50]
        ],
        "groups": [_chat(chat) for chat in world.chats.values() if chat.group][-50:],
    }


def entry(world: World, shown: Entry) -> dict[str, Any]:
    """One line of a chat."""
    chat = world.chats[shown.chat]
    thing = shown.thing
    common = {"id": shown.id, "chat": _chat(chat), "robot": thing.robot, "time": thing.time}
    if isinstance(thing, Said):
        return common | _said(thing)
    common["mentions"] = [_name(world, user) for user in thing.mentions]
    return common | (_card(thing, chat) if isinstance(thing, Card) else _message(thing))


def _chat(chat: Chat) -> dict[str, Any]:
    return {"id": chat.id, "title": chat.title, "robot": chat.robot, "person": chat.person, "group": chat.group}


def _name(world: World, user: str) -> str:
    if user == EVERYBODY:
        return "所有人 Everyone"
    return world.people[user].nick if user in world.people else user


def _said(said: Said) -> dict[str, Any]:
    state = "acked" if said.acked else "sent" if said.delivered else "lost"
    text, attached = _body(said)
    return {
        "kind": "said",
        "sender": said.sender,
        "nick": said.nick,
        "text": text,
        "attached": attached,
        "quote": asdict(said.quote) if said.quote else None,
        "state": state,
    }


def _body(said: Said) -> tuple[str, list[dict[str, str]]]:
    """The words of what was said, and what hangs on it."""
    rich = said.content.get("richText")
    if said.kind == "richText" and isinstance(rich, list):
        parts = [part for part in rich if isinstance(part, dict)]
        words = "".join(str(part["text"]) for part in parts if part.get("text"))
        return words, [_attached("picture", part) for part in parts if part.get("downloadCode")]
    if said.kind != "text" and said.content.get("downloadCode"):
        return str(said.content.get("recognition", "")), [_attached(said.kind, said.content)]
    return said.text, []


def _attached(kind: str, content: dict[str, Any]) -> dict[str, str]:
    query = urlencode({"code": str(content["downloadCode"])})
    return {"kind": kind, "name": str(content.get("fileName", "")), "url": f"/sandbox/attached?{query}"}


def _message(message: Message) -> dict[str, Any]:
    return {"kind": "message", "via": message.via, "title": message.title, "html": render(message.text)}


def _card(card: Card, chat: Chat) -> dict[str, Any]:
    look = card.look(chat.person)
    calls = [version for version in card.versions if version.call != "click"]
    return {
        "kind": "card",
        "card": card.id,
        "state": card.state.value,
        "standard": card.template == STANDARD,
        "title": look.title,
        "status": look.status,
        "html": render(look.text),
        "buttons": [_button(button) for button in look.buttons],
        "updates": len(calls) - 1,
        "seconds": round(calls[-1].at - card.at, 1),
    }


def _button(button: dict[str, Any]) -> dict[str, Any]:
    url = str(button.get("url") or "")
    return {
        "id": str(button.get("id", "")),
        "text": str(button["text"]),
        "color": str(button.get("color", "")),
        "chosen": button.get("chosen") is True,
        "url": url if _is_web_link(url) else "",
    }


def _is_web_link(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https", "mailto"}
    except ValueError:
        return False


class _Safe(MarkdownIt):
    """CommonMark with tables, without raw HTML but for line breaks, which DingTalk's cards render ("Markdown 变量",
    open.dingtalk.com), and without pictures (they would be fetched from elsewhere)."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "breaks": True})
        self.enable(["table", "strikethrough"])
        self.inline.ruler.before("autolink", "line_break", _line_break)
        self.add_render_rule("image", _picture)
        self.add_render_rule("link_open", _link)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return _is_web_link(url)


def _line_break(state: StateInline, silent: bool) -> bool:
    tag = LINE_BREAK.match(state.src, state.pos)
    if tag is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = tag.end()
    return True


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, environment: EnvType
) -> str:
    alt = renderer.renderInlineAsText(tokens[index].children or [], options, environment)
    return f"<em>[图片 picture: {escape(alt)}]</em>"


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, environment: EnvType
) -> str:
    tokens[index].attrSet("target", "_blank")
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, index, options, environment)


_MARKDOWN = _Safe()


def plain(text: str) -> str:
    """The words of Markdown, on one line."""
    return " ".join(unescape(TAG.sub(" ", INLINE.sub("", render(text)))).split())


@lru_cache(maxsize=512)
def render(text: str) -> str:
    """Markdown as safe HTML."""
    return str(_MARKDOWN.render(text)) if text else ""
