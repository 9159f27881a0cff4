"""What a model is sent with a question: the system prompt, former turns, the question, and its pictures.

The law: former turns are the newest that fit the budget, whole and in order. A picture is what its bytes say it is; one
that cannot be sent is named. In which words, is `wording.py`'s; how it travels is the adapter's.
"""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from actors.agents.wording import as_text
from actors.core.question import Attachment, Question, Turn

PICTURE_BYTES = 14_000_000
"""Bytes of all pictures of one question together; what is beyond is named only."""

_BYTES_PER_TOKEN = 3
"""A Chinese character has three bytes and is about one token; English has about four letters a token. So this counts
Chinese as it is and English a little high, whichever tokenizer the model has."""

_TOKENS_AROUND = 4
"""What marks a message as one, in tokens."""

_SIGNATURES = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif"}

Message = dict[str, Any]


def messages(question: Question, *, system: str, history_tokens: int, pictures: Sequence[str]) -> list[Message]:
    """The `messages` of a chat completion. `pictures` are the data URLs of the first pictures, in order, "" for one
    that cannot be sent; blocks nobody."""
    found = [_message("system", system)] if system.strip() else []
    for turn in _newest(question.history, history_tokens):
        found += [_message("user", turn.question or "…"), _message("assistant", turn.answer or "…")]
    return [*found, _message("user", _asked(question, pictures))]


def read_pictures(question: Question) -> list[str]:
    """The pictures of a question as data URLs, one for each; "" for one that cannot be had or is too much. Blocks."""
    left, urls = PICTURE_BYTES, []
    for picture in _pictures(question):
        data = _read(picture, left)
        kind = _kind(data)
        left -= len(data) if kind else 0
        urls.append(f"data:image/{kind};base64,{b64encode(data).decode()}" if kind else "")
    return urls


def tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def _newest(history: Sequence[Turn], budget: int) -> Sequence[Turn]:
    first = len(history)
    for turn in reversed(history):
        budget -= tokens(turn.question) + tokens(turn.answer) + 2 * _TOKENS_AROUND
        if budget < 0:
            break
        first -= 1
    return history[first:]


def _asked(question: Question, pictures: Sequence[str]) -> str | list[Message]:
    sent = [picture for picture, url in zip(_pictures(question), pictures, strict=False) if url]
    text = as_text(question, [attachment for attachment in question.attachments if attachment not in sent])
    if not sent:
        return text
    images = ({"type": "image_url", "image_url": {"url": url}} for url in pictures if url)
    return [{"type": "text", "text": text}, *images]


def _pictures(question: Question) -> list[Attachment]:
    return [attachment for attachment in question.attachments if attachment.kind == "picture"]


def _read(attachment: Attachment, most: int) -> bytes:
    """The file, empty where there is none or it is larger than `most` bytes."""
    parts = urlsplit(attachment.url)
    if parts.scheme != "file":
        return b""
    try:
        with Path(url2pathname(parts.path)).open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError):
        return b""
    return data if len(data) <= most else b""


def _kind(data: bytes) -> str:
    """What kind of picture models take this is, by its first bytes, whatever its name says; "" if it is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), "")


def _message(role: str, content: str | list[Message]) -> Message:
    return {"role": role, "content": content}
