"""Exports of the card builder, as small as a test wants them."""

import json
from typing import Any

Node = dict[str, Any]


def node(kind: str, *children: Node, **props: Any) -> Node:
    return {"componentName": kind, "props": props, "children": list(children)}


def phase(status: int, *children: Node) -> Node:
    """What an AI card shows in one of its states."""
    return node("AICardStatusContainer", *children, status=status)


def text(content: Any, **props: Any) -> Node:
    return node("BaseText", text={"type": "dynamicString", "content": content}, **props)


def markdown(variable: str, **props: Any) -> Node:
    return node("MarkdownBlock", content={"type": "variableValue", "variable": variable}, **props)


def button(action: str, *params: dict[str, Any], **props: Any) -> Node:
    label = {"type": "dynamicString", "content": f"按钮 {action}"}
    return node("SingleButton", actionId={"content": action}, text=label, params=list(params), **props)


def when(*conditions: tuple[str, str, Any], op: str = "and") -> dict[str, Any]:
    """Visibility: variable, comparison, value."""
    made = [{"variable": name, "op": how, "value": value} for name, how, value in conditions]
    return {
        "type": "dynamicVisible",
        "value": True,
        "valueType": "condition",
        "condition": {"op": op, "conditions": made},
    }


def export(*roots: Node) -> str:
    editor = {"schema": {"componentsTree": list(roots)}}
    return json.dumps({"type": "im", "mode": "card", "widgetInfo": "", "editorData": json.dumps(editor)})
