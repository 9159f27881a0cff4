"""What one message holds, by its kind: the words and the attachments. A quoted message is read like one that was sent.

The law: whatever JSON a body is, something is made of it, in the order in which it was written. Pure; it knows nothing
of senders, chats or questions.

The documented kinds are from open.dingtalk.com ("receive messages"), the others from what people logged:
dingtalk-stream-sdk-python#49 (quotes), openclaw-channel-dingtalk's types (`at`, `chatRecord`), multica's captures of
2026-09 (`cardContent`).
"""

import re
from typing import Any

from actors.core.frozen import frozen
from actors.core.question import Attachment
from actors.dingtalk.payload import items, mapping, text

_SHORT = {"picture": "[图片]", "audio": "[语音]", "video": "[视频]", "file": "[文件]"}
"""How DingTalk itself calls in a list of chats what has no words."""

_MENTION = re.compile(r"\s*@\S+(?:\s+|$)")


@frozen
class Body:
    """What one message holds. `kind` says what it is where it has no words: a kind of attachment, `empty` or `unknown`;
    `name` is a file's name, also of one that cannot be fetched."""

    words: str = ""
    attachments: tuple[Attachment, ...] = ()
    kind: str = "empty"
    name: str = ""

    @property
    def gist(self) -> str:
        """The words, or what stands for something that has none; "" if that is not known."""
        return self.words or f"{_SHORT.get(self.kind, '')} {self.name}".strip()


def read_body(kind: str, said: object, content: dict[str, Any], *, mention: bool = False) -> Body:
    """Read a body of this `msgtype`: `said` is its text, where the kind has one, and `content` everything else.

    `mention` says that the robot is mentioned and nobody else. DingTalk takes the mention of a robot out of a text, and
    leaves it in a rich text.
    """
    words = _said(said).strip()
    match kind:
        case "richText":
            return _rich_text(items(content.get("richText")), mention=mention)
        case "text":
            return Body(words)
        case "picture":
            return Body("", _attached(kind, content, "picture"), kind)
        case "video":
            return Body("", _attached(kind, content, f"video.{text(content.get('videoType')) or 'mp4'}"), kind)
        case "audio":
            return Body(text(content.get("recognition")).strip(), _attached(kind, content, "audio"), kind)
        case "file":
            name = text(content.get("fileName")).strip()
            return Body("", _attached(kind, content, name or "file"), kind, name)
        case "interactiveCard":
            return Body(_card(items(content.get("cardContent"))) or words, kind="unknown")
        case "chatRecord":
            return Body(_chat_record(content), kind="unknown")
        case "" if content.get("richText"):
            return _rich_text(items(content["richText"]))
        case _:
            return Body(words, kind="unknown")


def _said(value: object) -> str:
    """Words that stand bare, or in an object."""
    return text(value.get("content")) or text(value.get("text")) if isinstance(value, dict) else text(value)


def _attached(kind: str, content: dict[str, Any], name: str) -> tuple[Attachment, ...]:
    # The picture's other code is answered with HTTP 500 (dingtalk-openclaw-connector#69): only if there is no better.
    code = text(content.get("downloadCode")) or text(content.get("pictureDownloadCode"))
    return (Attachment(kind, "", name, code),) if code else ()


def _rich_text(parts: list[Any], *, mention: bool = False) -> Body:
    words, pictures, attachments = "", False, list[Attachment]()
    for part in map(mapping, parts):
        kind = text(part.get("type")) or text(part.get("msgType"))
        if kind == "picture" or _attached("picture", part, ""):
            pictures = True
            attachments += _attached("picture", part, "picture")
            words += "" if not words or words[-1].isspace() else "\n"
            continue
        said = _said(part.get("text")) or _said(part.get("content"))
        if name := text(part.get("atName")):
            said = f"@{name} "
        if mention and _MENTION.match(said):
            said, mention = _MENTION.sub("", said, count=1), False
        words += said
    return Body(words.strip(), tuple(attachments), "picture" if pictures else "empty")


def _card(blocks: list[Any]) -> str:
    """What a quoted card shows. Runs of one paragraph come apart where their style changes, so nothing goes between."""
    lines = []
    for block in map(mapping, blocks):
        line = ""
        for run in map(mapping, items(block.get("children"))):
            value = text(run.get("value"))
            match text(run.get("elementType")):
                case "TEXT":
                    line += value
                case "LINK":
                    line += f"{value} "
                case "IMAGE":
                    line += "\n"
        lines.append(line.strip())
    return "\n".join(filter(None, lines))


def _chat_record(content: dict[str, Any]) -> str:
    """A forwarded conversation: DingTalk sends its title, and a summary with a line for each message."""
    summary = text(content.get("summary")).strip()
    return "" if summary in {"", "[]"} else f"{text(content.get('title'))}\n{summary}".strip()
