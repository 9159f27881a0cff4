"""One robot's calls to DingTalk: each is sent in its turn, with the robot's token, within a time, and tried again.

The law: a call's body is made once, at the moment of its first sending, and is the same on every try, so that a
repeat is harmless, but for a message, which would be read twice: that is not repeated here when nobody knows whether
it went; every try waits for a place of its own; what cannot be had ends as one `CallFailed`. What a call says and what
to do when it failed is the business of cards and replies.
"""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import cache, partial
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from yarl import URL

from actors import metrics
from actors.core.backoff import Backoff
from actors.core.frozen import frozen
from actors.core.robot import Robot
from actors.dingtalk import faults
from actors.dingtalk.ban import Ban
from actors.dingtalk.limits import Kind, Limiter, Rank, Ticket
from actors.dingtalk.network import Unreachable
from actors.dingtalk.port import Fence
from actors.dingtalk.quota import Quota
from actors.dingtalk.share import joining
from actors.dingtalk.tokens import Token
from actors.errors import PASSING, CallFailed, Fault

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Body = Callable[[], dict[str, Any]]
Place = Callable[[Limiter], Awaitable[Ticket]]

CONNECT_TIMEOUT = 3.0


@frozen
class Api:
    """One kind of call: its name in metrics and errors, and whether it counts on the month's OpenAPI quota
    (open.dingtalk.com, "API calls that are free of charge": tokens are; session webhooks have a quota of their own)."""

    name: str
    method: str
    path: str = ""
    counted: bool = True


CREATE = Api("create", "POST", "/v1.0/card/instances/createAndDeliver")
STREAMING = Api("streaming", "PUT", "/v1.0/card/streaming")
UPDATE = Api("update", "PUT", "/v1.0/card/instances")
SEND_STANDARD = Api("standard", "POST", "/v1.0/im/v1.0/robot/interactiveCards/send")
UPDATE_STANDARD = Api("standard_update", "PUT", "/v1.0/im/robots/interactiveCards")
OTO = Api("oto", "POST", "/v1.0/robot/oToMessages/batchSend")
GROUP = Api("group", "POST", "/v1.0/robot/groupMessages/send")
DOWNLOAD = Api("download", "POST", "/v1.0/robot/messageFiles/download")
WEBHOOK = Api("webhook", "POST", counted=False)
TOKEN = Api("token", "POST", "/v1.0/oauth2/accessToken", counted=False)

_MESSAGES = frozenset(api.name for api in (WEBHOOK, OTO, GROUP))
"""Calls that DingTalk carries out anew whenever they come; of all others a repeat changes nothing."""

_ANSWER_LOST = "answerLost"
"""Our code for a call of which nobody knows whether it was carried out."""


@frozen
class _Reply:
    """What came back over the network; status 0 is no answer at all, `text` then says what happened, and `sent` whether
    the call may have got there."""

    status: int
    text: str
    retry_after: float = 0.0
    sent: bool = True


class OpenApi:
    """Calls DingTalk for one robot, on an aiohttp session that belongs to somebody else.

    `attempts` and `backoff` are the retry policy, `timeout` the seconds of one try, `qps` the calls per second and
    API, which `replicas` have together, this one included; `quota` and `ban` are shared by all robots. `clock` gives
    monotonic seconds.
    """

    def __init__(
        self,
        robot: Robot,
        session: aiohttp.ClientSession,
        *,
        attempts: int,
        backoff: Backoff,
        timeout: float,
        qps: int,
        quota: Quota,
        ban: Ban,
        replicas: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.robot = robot
        self._session = session
        self._attempts = attempts
        self._wait = backoff.wait()
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_TIMEOUT, timeout))
        self._quota = quota
        self._ban = ban
        self._clock = clock
        self._share = joining(qps, replicas, clock())
        self._limiters: defaultdict[Api, Limiter] = defaultdict(lambda: Limiter(self._share, clock))
        self._token = Token(self._fetch_token, clock)

    async def warm(self) -> None:
        """Fetch the token ahead of the first question.

        Raises:
            CallFailed: there is none; the first call will ask again.
        """
        await self._persist(self._token.get)

    async def call(self, api: Api, body: Body, rank: Rank | None = None, fence: Fence | None = None) -> dict[str, Any]:
        """Make a call and return what DingTalk answered. `body` is called once, when the call may go; `rank` decides
        the order among the calls of this API and is the moment of asking if it is left out. Every try passes the
        `fence` when it goes.

        Raises:
            CallFailed: DingTalk refused it for good, or the tries are used up.
        """
        body, rank = cache(body), rank or self._now()
        return await self._persist(self._authorized, api, body, partial(_place, rank=rank, fence=fence))

    async def reply(self, webhook: URL, body: Body, fence: Fence | None = None) -> dict[str, Any]:
        """Post to a session webhook, which carries its own authorization.

        Raises:
            CallFailed: as for `call`.
        """
        place = partial(_place, rank=self._now(), fence=fence)
        return await self._persist(self._send, WEBHOOK, webhook, cache(body), place)

    def beaten(self, replicas: int) -> None:
        """So many replicas serve this robot now, this one included; to be told every few seconds."""
        self._share = self._share.beaten(replicas, self._clock(), wanted=False)
        rates = [limiter.beaten(replicas) for limiter in self._limiters.values()]
        rates.append(self._share.rate(self._clock()))
        metrics.OPENAPI_RATE.labels(robot=self.robot.client_id).set(min(rates))

    async def close(self) -> None:
        """Give up what is still under way for nobody in particular."""
        await self._token.close()

    def _now(self) -> Rank:
        return Rank(Kind.USUAL, self._clock())

    async def _persist(self, attempt: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Try until it works, another try cannot help, or the tries are used up."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_worth_another_try),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            before_sleep=_count_retry,
            reraise=True,
        )
        try:
            return await retrying(attempt, *args, **kwargs)
        except CallFailed as failure:
            failure.maybe_done = failure.maybe_done or retrying.statistics["attempt_number"] > 1
            raise

    async def _authorized(self, api: Api, body: Body, place: Place) -> dict[str, Any]:
        """One try with a token; a token that is refused is replaced, once, within the same try."""
        token, url = await self._token.get(), self._url(api)
        try:
            return await self._send(api, url, body, place, token)
        except CallFailed as failure:
            if failure.fault is not Fault.CREDENTIALS:
                raise
        self._token.drop(token)
        return await self._send(api, url, body, place, await self._token.get())

    async def _fetch_token(self) -> tuple[str, float]:
        """A token, by the secret; one that is refused is looked up anew, once."""
        secret = self.robot.client_secret.value
        try:
            answer = await self._ask_for_token(secret)
        except CallFailed as failure:
            renew = self.robot.client_secret.renew
            if failure.fault is not Fault.CREDENTIALS or not await asyncio.to_thread(renew, secret):
                raise
            answer = await self._ask_for_token(self.robot.client_secret.value)
        token, life = answer.get("accessToken"), answer.get("expireIn")
        if not isinstance(token, str) or not isinstance(life, int | float):
            raise CallFailed(TOKEN.name, Fault.TRANSIENT, HTTPStatus.OK, "noToken", "the answer has no token")
        return token, life

    async def _ask_for_token(self, secret: str) -> dict[str, Any]:
        body = {"appKey": self.robot.client_id, "appSecret": secret}
        return await self._send(TOKEN, self._url(TOKEN), lambda: body, partial(_place, rank=self._now()))

    def _url(self, api: Api) -> URL:
        return URL(self.robot.endpoint + api.path)

    async def _send(self, api: Api, url: URL, body: Body, place: Place, token: str = "") -> dict[str, Any]:
        """Wait for a place, send, and read the answer."""
        limiter = self._limiters[api]
        ticket = await place(limiter)
        if self._ban.lasts:
            limiter.leave(ticket)
            raise CallFailed(api.name, Fault.THROTTLED, 0, faults.BANNED, f"not sent: {faults.BAN_WORDS}")
        reply = await self._exchange(api, url, body(), token)
        if reply.status == 0:
            code = _ANSWER_LOST if reply.sent else "noAnswer"
            raise CallFailed(api.name, Fault.TRANSIENT, 0, code, reply.text)
        answer = faults.read(reply.status, reply.text, reply.retry_after)
        limiter.answered(ticket, executed=isinstance(answer, dict))
        if isinstance(answer, dict):
            self._count(api)
            return answer
        if answer.fault is Fault.THROTTLED:
            self._slow_down(api, answer, ticket)
        elif answer.fault is not Fault.QUOTA:
            self._count(api)
        secrets = (self.robot.client_secret.value, token, *url.query.values())
        code, message = (faults.without(secrets, words) for words in (answer.code, answer.message))
        raise CallFailed(api.name, answer.fault, reply.status, code, message)

    async def _exchange(self, api: Api, url: URL, body: dict[str, Any], token: str) -> _Reply:
        """One HTTP request. Redirects are not followed: nobody but DingTalk gets the token and the text."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
        if token:
            headers["x-acs-dingtalk-access-token"] = token
        data = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        began, status, retry_after, sent = self._clock(), 0, 0.0, True
        try:
            async with self._session.request(
                api.method, url, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                text = (await response.read()).decode(errors="replace")
                status, retry_after = response.status, _seconds(response.headers.get("Retry-After", ""))
            label = str(status)
        except TimeoutError:
            label, text = "timeout", "no answer in time"
        except Unreachable as error:
            label, text, sent = "unreachable", str(error), False
        except (aiohttp.ClientError, OSError, ValueError) as error:  # the last for a webhook that is no address
            # Its words may hold the URL, and a webhook's URL is a secret.
            why = error.__cause__ or error
            label, text = "unreachable", f"{type(why).__name__} {getattr(why, 'strerror', None) or ''}".rstrip()
        metrics.OPENAPI_REQUEST_SECONDS.labels(api=api.name, status=label).observe(self._clock() - began)
        return _Reply(status, text, retry_after, sent)

    def _slow_down(self, api: Api, refusal: faults.Refusal, ticket: Ticket) -> None:
        metrics.OPENAPI_THROTTLED.labels(robot=self.robot.client_id, api=api.name).inc()
        if refusal.code == faults.BANNED:
            self._ban.begin(refusal.pause)
        else:
            self._limiters[api].refused(ticket, refusal.pause)

    def _count(self, api: Api) -> None:
        if api.counted:
            self._quota.count(self.robot.client_id)


async def _place(limiter: Limiter, rank: Rank, fence: Fence | None = None) -> Ticket:
    """Wait for a place that is got while the fence is open."""
    while True:
        if fence is not None:
            await fence.passed()
        ticket = await limiter.place(rank)
        if fence is None or fence.open:
            return ticket
        limiter.leave(ticket)


def _worth_another_try(error: BaseException) -> bool:
    if not isinstance(error, CallFailed) or error.code == faults.BANNED:
        return False
    if error.api in _MESSAGES and (error.code == _ANSWER_LOST or error.status == HTTPStatus.GATEWAY_TIMEOUT):
        return False
    return error.fault in PASSING


def _count_retry(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    if isinstance(error, CallFailed):
        metrics.RETRIES.labels(scope="openapi", reason=error.fault).inc()
        log.debug(
            "call repeated",
            extra={"action": "call_repeated", "api": error.api, "fault": error.fault, "code": error.code},
        )


def _seconds(header: str) -> float:
    """A `Retry-After` in seconds; the form with a date is not used by DingTalk and counts as none."""
    return float(header) if header.isascii() and header.isdigit() else 0.0
