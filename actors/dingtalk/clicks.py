"""Reads a card callback: what DingTalk sends when somebody clicks a button of a card.

The law: a click is who, on which card, which buttons, with which parameters. Pure: whether that person may click, and
what it means, is decided elsewhere.
"""

import json
from typing import Any

from actors.core.frozen import frozen
from actors.dingtalk.payload import Malformed, items, mapping, text


@frozen
class Click:
    """One click. `card_id` is the card's `outTrackId`, `user` the staff id of who clicked. Values in `params` that
    are no strings are written as JSON."""

    card_id: str
    user: str
    action_ids: tuple[str, ...]
    params: dict[str, str]


def read_click(data: dict[str, Any]) -> Click:
    """Read the data of one card callback.

    The click itself stands in `content`, and again in `value`; older callbacks have `value` only, with `params` beside
    `cardPrivateData` (open.dingtalk.com, "card callbacks").

    Raises:
        Malformed: it does not say which card, who, or what was clicked.
    """
    card_id = text(data.get("outTrackId"))
    if not card_id:
        raise Malformed("outTrackId")
    user = text(data.get("userId"))
    if not user:
        raise Malformed("userId")
    for copy in (data.get("content"), data.get("value")):
        clicked = mapping(copy)
        private = mapping(clicked.get("cardPrivateData"))
        action_ids = tuple(read for read in map(text, items(private.get("actionIds"))) if read)
        params = _params(clicked.get("params")) | _params(private.get("params"))
        if action_ids or params:
            return Click(card_id, user, action_ids, params)
    raise Malformed("content")


def _params(value: object) -> dict[str, str]:
    return {text(name): _param(given) for name, given in mapping(value).items() if given is not None}


def _param(value: object) -> str:
    return text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
