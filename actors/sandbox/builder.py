"""Reads what DingTalk's card builder exports, and shows a card as such a template would.

The format is undocumented. It was learned from public exports: the examples of open-dingtalk/dingtalk-card-examples,
the templates of soimy/openclaw-channel-dingtalk, and the hand-made one of langbot-app/LangBot. An export is JSON whose
`editorData` is JSON text: a tree of components for each state of an AI card, and a list of variables. Components that
are not known here show nothing themselves, conditions that are not known hold.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from actors.sandbox.records import CardState, Look
from actors.sandbox.templates import FLOW_STATUS, Template

Node = dict[str, Any]


def read(export: str) -> Template:
    """The template that an export describes.

    Raises:
        ValueError: it is no export of the card builder.
    """
    try:
        editor = json.loads(json.loads(export)["editorData"])
        roots: list[Node] = editor["schema"]["componentsTree"]
        nodes = list(_nodes(roots))
        phases = {
            FLOW_STATUS[str(node["props"]["status"])]: _children(node)
            for node in nodes
            if node["componentName"] == "AICardStatusContainer"
        }
        streaming = [node["props"]["content"]["variable"] for node in nodes if node.get("props", {}).get("isStreaming")]
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"not an export of the card builder: {type(problem).__name__}: {problem}") from problem
    layout = BuiltLayout(phases, roots)
    return Template(key=streaming[0] if streaming else "", states=frozenset(phases), layout=layout)


def folder(path: Path) -> dict[str, Template]:
    """The templates of all `*.json` in a folder, by their ids: `NAME.schema`. No folder, no templates.

    Raises:
        ValueError: one of them is no export, named.
    """
    found = {}
    for file in sorted(path.glob("*.json")):
        try:
            found[f"{file.stem}.schema"] = read(file.read_text("utf-8"))
        except (OSError, ValueError) as problem:
            raise ValueError(f"{file.name}: {problem}") from problem
    return found


class BuiltLayout:
    """What a template of the builder shows in each state; one without states always shows the same."""

    def __init__(self, phases: dict[CardState, list[Node]], roots: list[Node]) -> None:
        self._phases = phases
        self._roots = roots

    def look(self, state: CardState, key: str, seen: Mapping[str, str]) -> Look:
        """Of plain texts the bold one is the title, the others are the status. The key is the template's own."""
        shown = list(_shown(self._phases.get(state, []) if self._phases else self._roots, seen))
        plain = [node["props"] for node in shown if node["componentName"] == "BaseText"]
        return Look(
            title="".join(_string(props.get("text"), seen) for props in plain if _bold(props)),
            status="\n".join(filter(None, (_string(props.get("text"), seen) for props in plain if not _bold(props)))),
            text="\n\n".join(filter(None, (_text(node, seen) for node in shown))),
            buttons=tuple(_button(node["props"], seen) for node in shown if node["componentName"] == "SingleButton"),
        )


def _nodes(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _nodes(_children(node))


def _children(node: Node) -> list[Node]:
    children: list[Node] = node.get("children", [])
    return children


def _shown(nodes: list[Node], seen: Mapping[str, str]) -> Iterator[Node]:
    """What can be seen, from top to bottom; a container that is hidden hides what is in it."""
    for node in nodes:
        if _visible(node.get("props", {}).get("visible"), seen):
            yield node
            yield from _shown(_children(node), seen)


def _visible(visible: Any, seen: Mapping[str, str]) -> bool:
    if not isinstance(visible, dict) or visible.get("valueType") == "fixed":
        return not isinstance(visible, dict) or bool(visible.get("value", True))
    condition = visible.get("condition", {})
    met = [_holds(each, seen) for each in condition.get("conditions", [])]
    return (any(met) if condition.get("op") == "or" else all(met)) if met else True


def _holds(condition: dict[str, Any], seen: Mapping[str, str]) -> bool:
    # The builder compares everything as text.
    value, wanted = seen.get(condition.get("variable", ""), ""), str(condition.get("value", ""))
    match condition.get("op"):
        case "equal":
            return value == wanted
        case "notEqual":
            return value != wanted
        case "isEmpty" | "isMarkdownEmpty":
            return not value
        case "isNotEmpty" | "isMarkdownNotEmpty":
            return bool(value)
        case "isTrue":
            return value == "true"
        case "isFalse":
            return value != "true"
    return True


def _string(dynamic: Any, seen: Mapping[str, str]) -> str:
    """A text with its `${variables}` filled in; one in several languages is shown in Chinese."""
    content = dynamic.get("content", "") if isinstance(dynamic, dict) else ""
    if isinstance(content, dict):
        content = content.get("zh_Hans") or content.get("zh_CN", "")
    return re.sub(r"\$\{([\w.]+)}", lambda found: seen.get(found.group(1), ""), str(content))


def _text(node: Node, seen: Mapping[str, str]) -> str:
    """What a Markdown component shows, or the words beside the animation of the first state."""
    props = node.get("props", {})
    if node["componentName"] in {"MarkdownBlock", "Markdown"}:
        return seen.get(props.get("content", {}).get("variable", ""), "")
    return _string(props.get("pendingTip"), seen) if node["componentName"] == "AIPending" else ""


def _bold(props: dict[str, Any]) -> bool:
    if props.get("styleType") == "standard":
        return "bold" in str(props.get("styleToken"))
    return bool(props.get("bold"))


def _button(props: dict[str, Any], seen: Mapping[str, str]) -> dict[str, Any]:
    """It is the chosen one where it is only shown if a variable names it."""
    action = _string(props.get("actionId"), seen)
    conditions = props.get("visible", {}).get("condition", {}).get("conditions", [])
    return {
        "id": action,
        "text": _string(props.get("text"), seen),
        "color": props.get("color", {}).get("value", ""),
        "params": {param["name"]: _param(param, seen) for param in props.get("params", []) if param.get("name")},
        "chosen": any(each.get("op") == "equal" and each.get("value") == action for each in conditions),
    }


def _param(param: dict[str, Any], seen: Mapping[str, str]) -> str:
    if param.get("type") == "variable":
        return seen.get(param.get("variable", ""), "")
    return str(param.get("value", ""))
