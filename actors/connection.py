"""The connection actor: one Stream connection's life, from its opening to its end, and not a moment longer.

The law: let it crash. Whatever ends the connection ends the actor; when and whether there is a next one is the
supervisor's to decide. What happens to a message before its ack is the intake's.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from actors.dingtalk.port import Callback, Gateway
from actors.messages import Broke, ConnectionOpened, ConnectionRolling, Served
from actors.runtime.actor import Actor, Ref, tell
from actors.runtime.reactor import Effect, Reactor
from actors.runtime.supervision import Healthy

Receive = Callable[[Callback], Coroutine[Any, Any, dict[str, Any] | None]]


class Connection(Actor):
    """Lives one connection's life on the reactor, and tells the supervisor how it goes."""

    def __init__(self, parent: Ref, name: str, reactor: Reactor, gateway: Gateway, receive: Receive) -> None:
        super().__init__(parent)
        self._supervisor = parent
        self._name = name
        self._reactor = reactor
        self._gateway = gateway
        self._receive = receive
        self._life: Effect | None = None

    def setup(self) -> None:
        listener = _Told(self._supervisor, self._name, self.actor_ref, self._receive)
        self._life = self._reactor.run(
            self._gateway.serve(listener), to=self.actor_ref, ok=lambda _: Served(), failed=Broke
        )

    def handle(self, message: object) -> None:
        match message:
            case Served():
                self.stop()
            case Broke(error):
                raise error

    def cleanup(self) -> None:
        if self._life is not None:
            self._life.cancel()


class _Told:
    """The reactor's side: passes on what the connection tells, and takes its messages in at once."""

    def __init__(self, supervisor: Ref, name: str, ref: Ref, receive: Receive) -> None:
        self._supervisor = supervisor
        self._name = name
        self._ref = ref
        self._receive = receive

    async def receive(self, callback: Callback) -> dict[str, Any] | None:
        return await self._receive(callback)

    def opened(self) -> None:
        tell(self._supervisor, ConnectionOpened(self._name, self._ref))

    def healthy(self) -> None:
        tell(self._supervisor, Healthy(self._ref))

    def rolling(self, reason: str) -> None:
        tell(self._supervisor, ConnectionRolling(self._name, self._ref, reason))
