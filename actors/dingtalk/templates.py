"""How a face of a card is spelled: the variables of DingTalk's public template, and those of a template of one's own.

The law: every variable is a string, and a face's streamed text is never empty. Pure; it knows no calls.

`SdkTemplate` is the dingtalk-stream SDK's `AIMarkdownCardInstance` (card_instance.py): it has one Markdown text and
buttons, so what is being done stands beneath the text. `OwnTemplate` is `deploy/dingtalk/card-template.json`, or one
with the same variables: title, text, status line, stop button and feedback buttons.
"""

import json
from typing import Any, Protocol

from actors.core import texts
from actors.core.card import SDK_TEMPLATE, Face, State, button_id
from actors.core.frozen import frozen
from actors.core.markdown import cleaned, neutral, presentable
from actors.core.question import Question

FLOW_STATUS = {State.THINKING: "1", State.TYPING: "2", State.FINISHED: "3", State.FAILED: "3"}
"""`flowStatus` of a template. An apology is a finished card too: 5 (failed) exists only where the template's owner has
switched that state on, and is refused elsewhere."""

SUMMARY_LENGTH = 40
"""Characters of a card that the list of chats shows."""

TITLE_LENGTH = 60
"""Characters of the question that a card's title shows."""

NAME_LENGTH = 40
"""Characters of a person's name beside a mention."""

HELD_BACK = 1000
"""Characters of a growing text up to which it may be that none of it can be shown yet."""

CHOSEN = "✅"


def summary(text: str) -> str:
    """One line for the list of chats, which otherwise shows only "[interactive card]"."""
    first = next(filter(None, (line.strip() for line in cleaned(text).splitlines())), "…")
    return first if len(first) <= SUMMARY_LENGTH else first[: SUMMARY_LENGTH - 1] + "…"


def title_of(question: Question) -> str:
    """The question in one harmless line."""
    return neutral(question.text, TITLE_LENGTH)


def shown_name(question: Question) -> str:
    """The name beside a mention, which people give themselves."""
    return neutral(question.sender_nick, NAME_LENGTH)


def doing(face: Face, text: str) -> str:
    """What is being done, in one line, beside the text that can be shown. As long as that is none, though a text has
    begun (with the mark of a list, the head of a table), the card goes on saying that it thinks."""
    return face.status or (texts.THINKING if face.running and not text else "")


class Template(Protocol):
    """The spelling of one template."""

    @property
    def id(self) -> str:
        """The template's id."""
        ...

    @property
    def key(self) -> str:
        """The variable that streams."""
        ...

    def variables(self, face: Face) -> dict[str, str]:
        """All variables of a face but `flowStatus`."""
        ...

    def streamed(self, face: Face) -> str:
        """What of a face is streamed; "" for nothing."""
        ...

    def beside(self, face: Face) -> dict[str, str]:
        """What of a growing face has to be told beside the stream."""
        ...

    def rated(self, rating: str) -> dict[str, str]:
        """The variables that show which rating was chosen."""
        ...

    def stopping(self) -> dict[str, str]:
        """The variables that show that the stop button was pressed."""
        ...


@frozen
class SdkTemplate:
    """The public template's spelling, for one question. It shows what `order` names, in that order; its buttons call
    back with their id."""

    id: str
    key: str
    message_id: str

    def variables(self, face: Face) -> dict[str, str]:
        """Text, buttons and the line for the list of chats."""
        return {self.key: self.streamed(face), "sys_full_json_obj": self._layout(face), **_last_message(face)}

    def streamed(self, face: Face) -> str:
        """The text, and beneath it what is being done."""
        text = presentable(face.text, growing=face.running)
        status = doing(face, text)
        return f"{text}\n\n> {status}" if text and status else text or status

    def beside(self, face: Face) -> dict[str, str]:
        """Nothing: all is in the text."""
        return {}

    def rated(self, rating: str) -> dict[str, str]:
        """The same buttons, with the chosen one marked."""
        return {"sys_full_json_obj": self._layout(Face(State.FINISHED, rateable=True, rating=rating))}

    def stopping(self) -> dict[str, str]:
        """Nothing: there is no stop button."""
        return {}

    def _layout(self, face: Face) -> str:
        shown: dict[str, Any] = {"order": [self.key, "msgButtons"]}
        if face.rateable:
            shown["msgButtons"] = [
                {
                    "text": f"{CHOSEN} {label}" if rating == face.rating else label,
                    "color": "blue",
                    "id": button_id(rating, self.message_id),
                    "request": True,
                }
                for rating, label in texts.RATINGS.items()
            ]
        return _json(shown)


@frozen
class OwnTemplate:
    """Our own template's spelling, for one question."""

    id: str
    key: str
    message_id: str
    title: str

    def variables(self, face: Face) -> dict[str, str]:
        """Everything that the template names."""
        text = self.streamed(face)
        return {
            "title": self.title,
            self.key: text,
            "status": doing(face, text),
            "stoppable": _truth(face.running),
            "rateable": _truth(face.rateable),
            "rating": face.rating,
            "message_id": self.message_id,
            **_last_message(face),
        }

    def streamed(self, face: Face) -> str:
        """The text alone."""
        return presentable(face.text, growing=face.running)

    def beside(self, face: Face) -> dict[str, str]:
        """The status line."""
        long = len(face.text) > HELD_BACK
        return {"status": doing(face, face.text if long else self.streamed(face))}

    def rated(self, rating: str) -> dict[str, str]:
        """The rating; the template marks its button."""
        return {"rating": rating}

    def stopping(self) -> dict[str, str]:
        """The button goes, and the status line says so."""
        return {"stoppable": _truth(False), "status": texts.STOPPING}


def template_for(question: Question, template: str, key: str) -> Template:
    """The spelling of this template for this question's card."""
    if template == SDK_TEMPLATE:
        return SdkTemplate(template, key, question.message_id)
    return OwnTemplate(template, key, question.message_id, title_of(question))


def _last_message(face: Face) -> dict[str, str]:
    line = summary(face.text or face.status)
    return {"sys_lastMessageI18n": _json({"zh_CN": line, "en_US": line})}


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
