"""The control's OpenAPI description against the control: its routes, what it takes, and what it answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from actors.sandbox.actions import Actions
from actors.sandbox.description import describe
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot

HAPPENING = {"at": 0, "do": "heal", "arguments": {}}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("say", {"robot": ROBOT, "text": "你好", "content": {"isReplyMsg": True}, "group": None, "staff": False}),
    ("attach", {"data": "aGk=", "name": "a.txt", "kind": "text/plain"}),
    ("chat_id", {"robot": ROBOT, "sender": "u1", "group": "群"}),
    ("click", {"card": "c1", "button": "b", "params": None}),
    ("push_raw", {"robot": ROBOT, "frame": "{}"}),
    ("impair", {"robot": ROBOT, "how": "mute"}),
    ("roll", {"robot": ROBOT}),
    ("abort", {"robot": ROBOT, "connection": "none"}),
    ("close", {"robot": ROBOT, "code": 4000}),
    ("fail", {"api": "create", "body": "<html>", "times": None, "delay": 1, "match": {"isFinalize": True}}),
    ("heal", {"api": "create"}),
    ("switch", {"trouble": "qps", "on": True, "api": "create", "robot": ROBOT, "times": 1}),
    ("expire_tokens", {}),
    ("begin_month", {}),
    ("event", {"event_type": "user_add_org", "data": {"userId": ["u1"]}, "robot": ROBOT}),
    ("revoke", {"robot": ROBOT, "scope": "Card.Streaming.Write"}),
    ("grant", {"robot": ROBOT, "scope": "Card.Streaming.Write"}),
    ("withdraw", {"template_id": "t"}),
    ("publish", {"template_id": "t"}),
    ("rules", {"latency": 0, "calls_per_second": 10, "streaming_after_finalize": True}),
    ("record", {}),
    ("save", {"name": "s", "happenings": [HAPPENING]}),
    ("play", {"name": "s", "robot": ROBOT}),
    ("halt", {}),
]
WRONG: list[tuple[str, Any, str]] = [
    ("say", [], "say must be a JSON object, not []"),
    ("say", {"robot": ROBOT}, "say: the field 'text' is missing"),
    ("say", {"robot": ROBOT, "text": 5}, "say.text must be text, not 5"),
    ("say", {"robot": ROBOT, "text": "?", "sneder": "u1"}, "say has no field 'sneder'; it has at, changes,"),
    ("say", {"robot": ROBOT, "text": "?", "staff": 1}, "say.staff must be true or false, not 1"),
    ("say", {"robot": ROBOT, "text": "?", "content": []}, "say.content must be a JSON object or null, not []"),
    ("fail", {"api": "create", "times": True}, "fail.times must be a whole number or null, not True"),
    ("fail", {"api": "create", "delay": "1"}, "fail.delay must be a number, not '1'"),
    ("rules", {"latencyy": 1}, "rules has no field 'latencyy'; it has address_ban,"),
    ("rules", {"calls_per_second": 0.5}, "rules.calls_per_second must be a whole number, not 0.5"),
    ("save", {"name": "s", "happenings": 1}, "save.happenings must be a list or null, not 1"),
]
"""What the description refuses, and the control does with these words."""
BEYOND: list[tuple[str, Any, str]] = [
    ("fail", {"api": "createe"}, "fail: unknown api 'createe': one of connect, create,"),
    ("impair", {"robot": ROBOT, "how": "gone"}, "impair: unknown impairment 'gone': one of mute, deaf, dead"),
    ("revoke", {"robot": ROBOT, "scope": "All"}, "revoke: unknown scope 'All': one of Card.Instance.Write,"),
    ("click", {"card": "none", "button": "b"}, "click: nothing here has the name 'none'"),
    ("attach", {"data": "?", "name": "a"}, "attach: data is not base64"),
    ("switch", {"trouble": "flood"}, "switch: unknown trouble 'flood': one of slow, 503,"),
    ("say", {"robot": ROBOT, "text": "?", "quoting": 99}, "say: nothing here has the name 99"),
]
"""What only the control can know to be wrong."""


@pytest.fixture
async def described(robot: Robot) -> dict[str, Any]:
    """The description, as it is served."""
    document = (await robot.call("GET", "/sandbox/openapi.json", None)).body
    assert isinstance(document, dict)
    return document


def routes(sandbox: Sandbox) -> set[tuple[str, str]]:
    """What is served under /sandbox/, without what answers to every other action."""
    runner = sandbox._runner
    assert runner is not None
    resources = [each for each in runner.app.router.resources() if each.canonical != "/sandbox/{action}"]
    return {
        (route.method.lower(), resource.canonical)
        for resource in resources
        for route in resource
        if resource.canonical.startswith("/sandbox/")
        and resource.canonical != "/sandbox/{action}"
        and route.method != "HEAD"
    }


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema of the document."""
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            yield node["schema"]
        for each in node.values():
            yield from schemas(each)


def valid(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def taken(document: dict[str, Any], action: str) -> dict[str, Any]:
    operation = document["paths"][f"/sandbox/{action}"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert isinstance(schema, dict)
    return schema


def answered(document: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any]:
    schema = document["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]
    assert isinstance(schema, dict)
    return schema


async def test_every_route_is_described_and_nothing_else(sandbox: Sandbox, described: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(described)} == routes(sandbox)


async def test_every_operation_says_what_it_is(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for _, _, operation in operations(described))
    assert (described["openapi"], described["info"]["version"]) == ("3.1.0", "1")


async def test_every_schema_is_one(described: dict[str, Any]) -> None:
    found = list(schemas(described))
    assert len(found) > 50
    for schema in found:
        Draft202012Validator.check_schema(schema)


async def test_every_action_has_a_request_here(described: dict[str, Any]) -> None:
    assert {f"/sandbox/{action}" for action, _ in REQUESTS} == {
        path for method, path, _ in operations(described) if method == "post"
    }


async def test_requests_and_answers_are_as_described(robot: Robot, line: Line, described: dict[str, Any]) -> None:
    await robot.create("c1")
    for action, body in REQUESTS:
        valid(described, taken(described, action), body)
        answer = await robot.call("POST", f"/sandbox/{action}", body)
        assert answer.status == 200, answer.body
        valid(described, answered(described, "post", f"/sandbox/{action}", 200), answer.body)


@pytest.mark.parametrize(("action", "body", "problem"), WRONG)
async def test_what_the_description_refuses_is_refused_by_name(
    robot: Robot, described: dict[str, Any], action: str, body: Any, problem: str
) -> None:
    with pytest.raises(ValidationError):
        valid(described, taken(described, action), body)
    await refused(robot, described, action, body, problem)


@pytest.mark.parametrize(("action", "body", "problem"), BEYOND)
async def test_what_is_wrong_beyond_its_shape_is_refused_by_name(
    robot: Robot, described: dict[str, Any], action: str, body: Any, problem: str
) -> None:
    valid(described, taken(described, action), body)
    await refused(robot, described, action, body, problem)


async def refused(robot: Robot, described: dict[str, Any], action: str, body: Any, problem: str) -> None:
    answer = await robot.call("POST", f"/sandbox/{action}", body)
    assert answer.status == 400
    assert answer.body["error"].startswith(problem)
    valid(described, answered(described, "post", f"/sandbox/{action}", 400), answer.body)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "the body is not JSON: Expecting"),
        (b"\xff", "the body is not UTF-8"),
        (b'{"latency": NaN}', "the body has NaN, which is no number in JSON"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(robot: Robot, body: bytes, problem: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with robot.http.post(f"{robot.url}/sandbox/rules", data=body, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith(problem)


async def test_an_unknown_action_names_those_that_are(robot: Robot) -> None:
    answer = await robot.call("POST", "/sandbox/explode", {})
    assert (answer.status, answer.body["error"][:49]) == (404, "there is no action 'explode': one of abort, attac")


async def test_the_state_is_as_described(robot: Robot, line: Line, sandbox: Sandbox, described: dict[str, Any]) -> None:
    sandbox.say("你好", robot=ROBOT, group="群")
    data = await line.message()
    await robot.create("c1", privateData={"u1": {"cardParamMap": {"a": "b"}}}, cardAtUserIds=["u2"])
    await robot.stream("c1", "答案", isFinalize=True)
    await robot.call("POST", data["sessionWebhook"], {"msgtype": "text", "text": {"content": "您好"}})
    sandbox.click("c1", "b")
    await line.ack(await line.callback(), {"response": {"cardData": {"cardParamMap": {"a": "c"}}}})
    sandbox.roll(ROBOT)
    await sandbox.until(lambda: sandbox.cards["c1"].views)
    state = (await robot.call("GET", "/sandbox/state", None)).body
    valid(described, answered(described, "get", "/sandbox/state", 200), state)
    assert all(state[name] for name in ("cards", "said", "messages", "acks", "connections", "opens", "calls"))
    await robot.call("POST", "/sandbox/save", {"name": "s", "happenings": [HAPPENING]})
    await robot.call("POST", "/sandbox/play", {"name": "s"})
    await robot.call("POST", "/sandbox/record", {})
    seen = (await robot.call("GET", "/sandbox/scenarios", None)).body
    valid(described, answered(described, "get", "/sandbox/scenarios", 200), seen)
    assert all(seen.values())


async def test_what_can_be_read_by_its_name_is_as_described(
    robot: Robot, line: Line, sandbox: Sandbox, described: dict[str, Any]
) -> None:
    sandbox.switch("slow", api="create", times=3)
    sandbox.fail("update", status=500)
    await robot.create("c1")
    number = next(iter(sandbox._world.trace)).id
    for path, good in (
        ("/sandbox/troubles", "/sandbox/troubles"),
        ("/sandbox/updates", "/sandbox/updates?card=c1"),
        ("/sandbox/event/{number}", f"/sandbox/event/{number}"),
    ):
        valid(described, answered(described, "get", path, 200), (await robot.call("GET", good, None)).body)


async def test_what_is_not_there_to_be_read_says_so_as_described(robot: Robot, described: dict[str, Any]) -> None:
    for path, gone in (
        ("/sandbox/updates", "/sandbox/updates?card=none"),
        ("/sandbox/event/{number}", "/sandbox/event/999"),
        ("/sandbox/attached", "/sandbox/attached?code=none"),
    ):
        refusal = await robot.call("GET", gone, None)
        assert refusal.status == 404
        valid(described, answered(described, "get", path, 404), refusal.body)


async def test_a_refusal_of_the_guard_is_as_described(robot: Robot, described: dict[str, Any]) -> None:
    for path, headers, status in (
        ("/sandbox/state", {"Origin": "http://evil.example"}, 403),
        ("/sandbox/heal", {"Content-Type": "text/plain"}, 415),
    ):
        method = "get" if path.endswith("state") else "post"
        async with robot.http.request(method, robot.url + path, headers=headers) as response:
            assert response.status == status
            valid(described, answered(described, method, path, status), await response.json())


def test_an_action_that_is_added_is_described_too() -> None:
    from actors.sandbox.actions import Action

    def shout(word: str, loud: bool = True) -> int:
        """Say it loud. And again."""
        return len(word) if loud else 0

    actions = Actions(Sandbox())
    actions.add(Action("shout", shout, result="echoes"))
    operation = describe(actions, "http://127.0.0.1")["paths"]["/sandbox/shout"]["post"]
    assert operation["summary"] == "Say it loud"
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {"word": {"type": "string"}, "loud": {"type": "boolean", "default": True}},
        "additionalProperties": False,
        "required": ["word"],
    }
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["properties"] == {"echoes": {"type": "integer"}}
