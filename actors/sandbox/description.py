"""The HTTP control's description in OpenAPI 3.1, made from what the actions themselves say.

DingTalk's own API, which robots call, is described by DingTalk; the sandbox's README says what of it is here.
"""

from dataclasses import dataclass
from typing import Any

from actors.sandbox import records, shapes
from actors.sandbox.actions import Action, Actions
from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Scenario
from actors.sandbox.scenarios import Play
from actors.sandbox.troubles import Kind

ABOUT = """\
What people do in the local DingTalk, and what its platform does to robots, by name. An action takes a JSON object and
answers with one. Durations are seconds; `at` is a monotonic time in seconds, `time` is seconds since the epoch.
"""

REFUSALS = {
    "400": "An argument is wrong: `error` names it.",
    "403": "A web page from elsewhere asks.",
    "404": "There is no such thing, or it is forgotten.",
    "415": "The body is not sent as application/json.",
}

STREAM = {"type": "string"}
FILE = "*/*"
PARTS = {"type": "object", "properties": {"parts": {"type": "object"}}, "required": ["parts"]}


@dataclass(frozen=True)
class Read:
    """What can be read at a path: the JSON Schema of it, its media type, and what names it: a parameter in the path or
    in the query."""

    path: str
    name: str
    summary: str
    shape: dict[str, Any]
    kind: str = "application/json"
    key: str = ""

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """What has to be told to read it."""
        in_path = f"{{{self.key}}}" in self.path
        where, kind = ("path", "integer") if in_path else ("query", "string")
        return [{"name": self.key, "in": where, "required": True, "schema": {"type": kind}}] if self.key else []


def describe(actions: Actions, url: str) -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {
        read.path: {"get": _read(read)}
        for read in (
            Read("/sandbox/state", "state", "All that can be seen.", state()),
            Read(
                "/sandbox/scenarios",
                "scenarios",
                "Scenarios: saved, played, being recorded.",
                scenarios(),
            ),
            Read("/sandbox/openapi.json", "openapi", "This description.", {"type": "object"}),
            Read("/sandbox/events", "events", "What the chat page shows, as it changes.", STREAM, "text/event-stream"),
            Read("/sandbox/troubles", "troubles", "The catalogue of trouble, and what of it is on.", troubles()),
            Read("/sandbox/updates", "updates", "A card with all that it showed.", updates(), key="card"),
            Read("/sandbox/event/{number}", "event_details", "All that passed in one event.", PARTS, key="number"),
            Read("/sandbox/attached", "attached", "A file by its download code.", {}, FILE, key="code"),
        )
    }
    paths |= {f"/sandbox/{name}": {"post": _act(action)} for name, action in actions.known.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "The sandbox's control", "version": "1", "description": ABOUT},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": {"Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}}
        },
    }


def state() -> dict[str, Any]:
    """The JSON Schema of all that can be seen."""
    flags = {"delivered": shapes.Slot(bool), "acked": shapes.Slot(bool)}
    versions = shapes.parameters(records.CardVersion)
    del versions["params"]
    cards = shapes.parameters(records.Card) | {"text": shapes.Slot(str), "buttons": shapes.Slot(list[dict[str, Any]])}
    del cards["layout"], cards["versions"]
    card = shapes.object_schema(cards)
    card["properties"]["versions"] = _list(shapes.object_schema(versions))
    return _whole(
        {
            "url": {"type": "string", "format": "uri"},
            "rules": shapes.schema(Rules),
            "cards": _list(card),
            "said": _list(shapes.object_schema(shapes.parameters(records.Said) | flags)),
            "messages": _list(shapes.schema(records.Message)),
            "acks": _list(shapes.schema(records.Push)),
            "connections": _list(shapes.schema(records.Connection)),
            "opens": _list({"type": "number"}),
            "calls": _list(shapes.schema(records.Call)),
        }
    )


def scenarios() -> dict[str, Any]:
    """The JSON Schema of the scenarios there are."""
    recording = _fields({"since": float, "happenings": int, "full": bool})
    kinds = {"saved": _list(shapes.schema(Scenario)), "plays": _list(shapes.schema(Play))}
    return _whole(kinds | {"recording": {"anyOf": [recording, {"type": "null"}]}})


def troubles() -> dict[str, Any]:
    """The JSON Schema of the catalogue of trouble."""
    known = {"name": str, "chinese": str, "english": str, "kind": Kind, "apis": list[str], "order": dict[str, Any]}
    on = {"trouble": str, "robot": str, "apis": list[str], "left": int | None, "says": str}
    return _whole({"troubles": _list(_fields(known)), "on": _list(_fields(on))})


def updates() -> dict[str, Any]:
    """The JSON Schema of a card with its versions."""
    known = {"seconds": float, "call": str, "state": records.CardState, "user": str, "text": str}
    card = {name: {"type": "string"} for name in ("card", "robot", "template")}
    state = shapes.schema(records.CardState)
    return _whole(card | {"state": state, "updates": _list(_fields(known | {"length": int, "grew": int}))})


def _fields(kinds: dict[str, Any]) -> dict[str, Any]:
    return _whole({name: shapes.schema(kind) for name, kind in kinds.items()})


def _whole(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _read(read: Read) -> dict[str, Any]:
    return {
        "operationId": read.name,
        "summary": read.summary,
        "parameters": read.parameters,
        "responses": {
            "200": _content(read.summary, read.shape, read.kind),
            **_refusals("403", *(["404"] if read.key else [])),
        },
    }


def _act(action: Action) -> dict[str, Any]:
    request = shapes.object_schema(action.slots)
    answer = _whole({name: shapes.schema(slot.kind) for name, slot in action.answer.items()})
    text = " ".join(action.help.partition("\n\nRaises:")[0].split())
    return {
        "operationId": action.name,
        "summary": text.partition(". ")[0].rstrip("."),
        "description": text,
        "requestBody": {"required": "required" in request, "content": {"application/json": {"schema": request}}},
        "responses": {"200": _content("Done.", answer), **_refusals("400", "403", "415")},
    }


def _refusals(*statuses: str) -> dict[str, Any]:
    return {status: _content(REFUSALS[status], {"$ref": "#/components/schemas/Error"}) for status in statuses}


def _content(text: str, shape: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": shape}}}
