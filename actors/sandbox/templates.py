"""What is known of card templates: the variable that streams, whether there are states, and how the rest looks.

It changes no card; what a call may do with one is decided in `cards`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.sandbox import jsontext
from actors.sandbox.records import CardState, Layout, Look

# AICardStatus in dingtalk_stream's card_replier.py.
FLOW_STATUS = {
    "1": CardState.PROCESSING,
    "2": CardState.INPUTING,
    "3": CardState.FINISHED,
    "4": CardState.EXECUTING,
    "5": CardState.FAILED,
}


class PublicLayout:
    """How the public templates look, which dingtalk_stream's card_instance.py fills."""

    def look(self, state: CardState, key: str, seen: Mapping[str, str]) -> Look:
        """The same in every state."""
        return Look(
            title=seen.get("msgTitle") or seen.get("title", ""),
            text="\n\n".join(filter(None, (seen.get(key), seen.get("staticMsgContent")))),
            buttons=_public_buttons(seen.get("sys_full_json_obj", "{}")),
        )


def _public_buttons(raw: str) -> tuple[dict[str, Any], ...]:
    """Those in `sys_full_json_obj`; what cannot be read shows none."""
    try:
        layout = jsontext.read(raw)
        if "msgButtons" not in layout.get("order", ["msgButtons"]):
            return ()
        return tuple(button for button in layout.get("msgButtons", []) if isinstance(button.get("text"), str))
    except (ValueError, AttributeError, TypeError):
        return ()


@dataclass(frozen=True, slots=True)
class Template:
    """A template: the variable that streams (empty: any), the states of an AI card that it has, and its looks."""

    key: str = ""
    states: frozenset[CardState] = frozenset(CardState)
    layout: Layout = PublicLayout()  # noqa: RUF009 - it has no state


# Those that dingtalk_stream's card_instance.py uses.
PUBLIC = {
    "382e4302-551d-4880-bf29-a30acfab2e71.schema": Template("msgContent"),
    "589420e2-c1e2-46ef-a5ed-b8728e654da9.schema": Template("markdown", states=frozenset()),
    "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema": Template("markdown", states=frozenset()),
}

MOST = 1000
"""How many templates may be withdrawn at once."""


class Templates:
    """All templates: the public ones and some of our own. An id that is not known may be anybody's, and is taken with
    any variables."""

    def __init__(self, own: Mapping[str, Template]) -> None:
        self._known = {**PUBLIC, **own}
        self._withdrawn: set[str] = set()

    def find(self, template_id: str) -> Template:
        return self._known.get(template_id, Template())

    def withdraw(self, template_id: str) -> None:
        """From now on nobody can make a card of it; cards that there are stay as they are.

        Raises:
            ValueError: too many are withdrawn already.
        """
        if len(self._withdrawn) >= MOST:
            raise ValueError(f"{MOST} templates are withdrawn: publish some first")
        self._withdrawn.add(template_id)

    def publish(self, template_id: str) -> None:
        """Undo that."""
        self._withdrawn.discard(template_id)

    def offers(self, template_id: str) -> bool:
        """Whether a card can be made of it."""
        return template_id not in self._withdrawn
