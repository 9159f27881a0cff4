"""A local DingTalk: gateway, OpenAPI, cards and a chat page on one address, for people and for tests.

It speaks only the wire protocol and knows nothing of the service that it is used with. Nothing here imports the rest of
`actors`, and the rest imports nothing from here: the service starts it as a child process.
"""

from actors.sandbox.records import Call, Card, CardState, CardVersion, Connection, Message, Push, Said
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox

__all__ = ["Call", "Card", "CardState", "CardVersion", "Connection", "Message", "Push", "Rules", "Said", "Sandbox"]
