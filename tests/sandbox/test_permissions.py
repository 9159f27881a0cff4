"""What a robot is allowed: permissions that are taken from it, templates that are withdrawn."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.sandbox.permissions import SCOPES
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, TEMPLATE, Answer, Robot

Making = Callable[[Robot], Awaitable[Answer]]


def calling(method: str, path: str) -> Making:
    return lambda robot: robot.call(method, path, {})


CALLS: dict[str, Making] = {
    "create": calling("POST", "/v1.0/card/instances/createAndDeliver"),
    "instance": calling("POST", "/v1.0/card/instances"),
    "deliver": calling("POST", "/v1.0/card/instances/deliver"),
    "update": calling("PUT", "/v1.0/card/instances"),
    "streaming": calling("PUT", "/v1.0/card/streaming"),
    "oto": calling("POST", "/v1.0/robot/oToMessages/batchSend"),
    "group": calling("POST", "/v1.0/robot/groupMessages/send"),
    "download": calling("POST", "/v1.0/robot/messageFiles/download"),
    "standard": calling("POST", "/v1.0/im/v1.0/robot/interactiveCards/send"),
    "standard_update": calling("PUT", "/v1.0/im/robots/interactiveCards"),
}
DENIED = "Forbidden.AccessDenied.AccessTokenPermissionDenied"


@pytest.mark.parametrize("api", CALLS)
async def test_a_call_without_its_permission_names_the_scope(robot: Robot, sandbox: Sandbox, api: str) -> None:
    sandbox.revoke(ROBOT, SCOPES[api])
    refused = await CALLS[api](robot)
    assert (refused.status, refused.code) == (403, DENIED)
    assert refused.body["accessdenieddetail"] == {"requiredScopes": [SCOPES[api]]}
    assert "requestid" in refused.body


@pytest.mark.parametrize("scope", sorted(set(SCOPES.values())))
async def test_other_calls_do_not_need_it(robot: Robot, sandbox: Sandbox, scope: str) -> None:
    sandbox.revoke(ROBOT, scope)
    refused = {api for api, call in CALLS.items() if (await call(robot)).code == DENIED}
    assert refused == {api for api, needed in SCOPES.items() if needed == scope}


async def test_every_call_that_needs_a_scope_is_tried_here() -> None:
    assert set(CALLS) == set(SCOPES)


async def test_a_permission_can_be_given_back(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.revoke(ROBOT, "Card.Instance.Write")
    assert (await robot.create("c1")).status == 403
    assert not sandbox.cards
    sandbox.grant(ROBOT, "Card.Instance.Write")
    assert (await robot.create("c1")).status == 200


async def test_a_permission_is_one_robots_own() -> None:
    async with Sandbox() as sandbox, Robot.at(sandbox.url) as robot, Robot.at(sandbox.url, "other") as other:
        sandbox.revoke("other", "Card.Instance.Write")
        assert [(await each.create(each.client_id)).status for each in (robot, other)] == [200, 403]


async def test_a_scope_that_no_call_needs_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match=r"Card\.Write"):
        sandbox.revoke(ROBOT, "Card.Write")


# Templates


async def test_of_a_withdrawn_template_no_card_can_be_made(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.withdraw(TEMPLATE)
    refused = await robot.create("c1")
    assert (refused.status, refused.code) == (400, "param.templateNotExist")
    assert not sandbox.cards
    assert (await robot.create("c1", cardTemplateId="own.schema")).status == 200, "another template is not concerned"


async def test_a_withdrawn_template_can_be_published_again(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.withdraw(TEMPLATE)
    sandbox.publish(TEMPLATE)
    assert (await robot.create("c1")).status == 200


async def test_a_card_outlives_its_template(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    sandbox.withdraw(TEMPLATE)
    assert (await robot.stream("c1", "一", isFinalize=True)).status == 200
    assert (await robot.stream("c1", "二", key="other")).status == 500


async def test_both_can_be_done_from_another_process(robot: Robot) -> None:
    orders: list[tuple[str, dict[str, Any]]] = [
        ("revoke", {"robot": ROBOT, "scope": "Card.Instance.Write"}),
        ("grant", {"robot": ROBOT, "scope": "Card.Instance.Write"}),
        ("withdraw", {"template_id": TEMPLATE}),
        ("publish", {"template_id": TEMPLATE}),
    ]
    seen = []
    for number, (action, what) in enumerate(orders):
        async with robot.http.post(f"{robot.url}/sandbox/{action}", json=what) as response:
            assert response.status == 200
        seen.append((await robot.create(f"c{number}")).status)
    assert seen == [403, 200, 400, 200]
