"""A DingTalk in this process, and a robot that knows only the wire."""

from collections.abc import AsyncIterator

import pytest

from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET, Line, Robot


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A DingTalk with one robot, which pings at once and forgives nothing."""
    async with Sandbox(robots={ROBOT: SECRET}, rules=Rules(first_ping=0.01)) as sandbox:
        yield sandbox


@pytest.fixture
async def robot(sandbox: Sandbox) -> AsyncIterator[Robot]:
    """The robot, with its token."""
    async with Robot.at(sandbox.url) as robot:
        yield robot


@pytest.fixture
async def line(robot: Robot) -> AsyncIterator[Line]:
    """A Stream connection of the robot."""
    async with robot.line() as line:
        yield line
