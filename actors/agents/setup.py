"""What an agent is set up with. An agent is made before the service starts, and on no loop: it may check its settings
then, and reach its back end only when it is asked something.
"""

from collections.abc import Callable

import aiohttp

from actors.core.frozen import frozen
from actors.variables import Variables


@frozen
class Setup:
    """`settings` are the robot's own. `session` gives this process' way to other machines, with its proxies and whom it
    trusts; it lives on the reactor's loop, and is somebody else's to close."""

    settings: Variables
    session: Callable[[], aiohttp.ClientSession]


def no_session() -> aiohttp.ClientSession:
    """For whoever only checks the settings."""
    raise RuntimeError("an agent that is only checked reaches nobody")
