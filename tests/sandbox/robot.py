"""A robot written against the wire alone: what a client of any language does, with nothing between it and the bytes."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from actors.sandbox.gateway import CARD_TOPIC, ROBOT_TOPIC

ROBOT = "dingrobot"
SECRET = "robot-secret"
TEMPLATE = "382e4302-551d-4880-bf29-a30acfab2e71.schema"
PATIENCE = 20.0

OWN = {
    "title": "怎么退货？",
    "content": "",
    "status": "",
    "stoppable": "",
    "rateable": "",
    "rating": "",
    "message_id": "m1",
}
"""The variables of the template in deploy/dingtalk, as a card begins with them."""
BY_KEY: dict[str, Any] = {"cardUpdateOptions": {"updateCardDataByKey": True}}
"""For an update that leaves the other variables as they are."""


@dataclass(frozen=True)
class Answer:
    """What an API call came back with."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


@dataclass
class Line:
    """One Stream connection, as the client sees it."""

    socket: aiohttp.ClientWebSocketResponse
    session: aiohttp.ClientSession
    pings: list[dict[str, Any]] = field(default_factory=list)

    async def frame(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        frame = json.loads(await asyncio.wait_for(self.socket.receive_str(), PATIENCE))
        assert isinstance(frame, dict)
        return frame

    async def callback(self) -> dict[str, Any]:
        """The next CALLBACK frame; pings on the way are answered, as a client does."""
        while (frame := await self.frame())["type"] == "SYSTEM":
            self.pings.append(frame)
            await self.ack(frame, json.loads(frame["data"]))
        return frame

    async def message(self) -> dict[str, Any]:
        """The next robot message's data, acked."""
        frame = await self.callback()
        await self.ack(frame)
        data = json.loads(frame["data"])
        assert isinstance(data, dict)
        return data

    async def ack(self, frame: dict[str, Any], data: Any = None, code: int = 200) -> None:
        headers = {"contentType": "application/json", "messageId": frame["headers"]["messageId"]}
        said = json.dumps(data if data is not None else {"response": None})
        await self.socket.send_str(json.dumps({"code": code, "headers": headers, "message": "OK", "data": said}))

    async def end(self) -> aiohttp.WSMessage:
        """Read until the connection ends, and return what ended it."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return message


@dataclass
class Robot:
    """A client of the OpenAPI with the credentials of one robot."""

    http: aiohttp.ClientSession
    url: str
    client_id: str = ROBOT
    secret: str = SECRET
    token: str = ""

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, client_id: str = ROBOT, secret: str = SECRET) -> AsyncIterator[Self]:
        """A robot that has its token."""
        async with aiohttp.ClientSession() as http:
            robot = cls(http, url, client_id, secret)
            robot.token = (await robot.get_token()).body["accessToken"]
            yield robot

    async def call(self, method: str, path: str, body: Any, token: str | None = None) -> Answer:
        headers = {
            "Accept": "application/json",
            "x-acs-dingtalk-access-token": self.token if token is None else token,
        }
        url = path if path.startswith("http") else self.url + path
        async with self.http.request(method, url, json=body, headers=headers) as response:
            return Answer(response.status, await response.json())

    async def get_token(self, secret: str | None = None) -> Answer:
        body = {"appKey": self.client_id, "appSecret": secret or self.secret}
        return await self.call("POST", "/v1.0/oauth2/accessToken", body)

    async def open(self, secret: str | None = None, topics: tuple[str, ...] = (ROBOT_TOPIC, CARD_TOPIC)) -> Answer:
        subscriptions = [{"type": "CALLBACK", "topic": topic} for topic in topics]
        body = {"clientId": self.client_id, "clientSecret": secret or self.secret, "subscriptions": subscriptions}
        return await self.call("POST", "/v1.0/gateway/connections/open", body)

    @asynccontextmanager
    async def line(self, topics: tuple[str, ...] = (ROBOT_TOPIC, CARD_TOPIC)) -> AsyncIterator[Line]:
        """A Stream connection, opened as the gateway says."""
        grant = (await self.open(topics=topics)).body
        # A session of its own, so that nothing is shared between connections.
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(grant["endpoint"], params={"ticket": grant["ticket"]}) as socket,
        ):
            yield Line(socket, session)

    async def create(self, track: str, /, user: str = "u1", **more: Any) -> Answer:
        """A card in the private chat of a person."""
        return await self.call("POST", "/v1.0/card/instances/createAndDeliver", card_body(track, user) | more)

    async def stream(self, track: str, content: str, /, **more: Any) -> Answer:
        body = {"outTrackId": track, "guid": str(uuid.uuid4()), "key": "msgContent", "content": content, "isFull": True}
        return await self.call("PUT", "/v1.0/card/streaming", body | more)

    async def update(self, track: str, params: dict[str, Any], **more: Any) -> Answer:
        body = {"outTrackId": track, "cardData": {"cardParamMap": params}}
        return await self.call("PUT", "/v1.0/card/instances", body | more)


def card_body(track: str, user: str = "u1") -> dict[str, Any]:
    """What createAndDeliver wants for a private chat."""
    return {
        "cardTemplateId": TEMPLATE,
        "outTrackId": track,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": {"flowStatus": "1", "msgContent": "…"}},
        "openSpaceId": f"dtv1.card//IM_ROBOT.{user}",
        "imRobotOpenSpaceModel": {"supportForward": True},
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"},
    }


def with_buttons(*buttons: dict[str, Any]) -> dict[str, str]:
    """Variables of a finished card with these buttons."""
    layout = {"order": ["msgContent", "msgButtons"], "msgButtons": list(buttons)}
    return {"sys_full_json_obj": json.dumps(layout, ensure_ascii=False), "flowStatus": "3"}
