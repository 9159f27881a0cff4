"""When this robot leaves."""

import builtins
from typing import Any

from actors import jitnode


def onAppExit(exc_val: Any = None, resData: Any = None, **_: Any) -> None:
    """JitNode calls this whenever a request is over, by JitAi's reference "JAAP". A robot outlives requests: it leaves
    with its app alone."""
    app = vars(builtins)["app"]
    if not app.init:
        jitnode.dismiss_all(app)
