"""An instance of this Type, loaded: its robot is served by the package dingtalk-actors, which has all that it takes."""

import builtins
from pathlib import Path
from typing import Any

from jit.commons.utils.logger import log

from actors import jitnode
from actors.embedded import Embedded

# Code from an encrypted package may have no file.
APP_DATA = Path(globals().get("__file__", "")).parent.parent.parent / "appData"


class Loader:
    """What JitNode loads an instance with."""

    def __init__(self, nodes: Any) -> None:
        self.nodes = nodes

    def load(self) -> Embedded:
        """The robot, which has `start`, `stop` and `is_running`; it is served from now on."""
        return serve(self.nodes[0])


def serve(element: Any) -> Embedded:
    """Serve the robot of an instance, as it is configured now."""
    return jitnode.serve(current_app(), element, APP_DATA, log)


def current_app() -> Any:
    """The app that this is loaded in: JitNode's global name `app`."""
    return vars(builtins)["app"]
