"""`python -m tests.chaos.scaled`: the service as it is, but for times that no setting shortens, which are scaled."""

import sys

from actors import effects
from actors.__main__ import main
from actors.core import turn
from actors.dingtalk import faults

AGAIN_AFTER = 1.0
"""Seconds until an answer that nobody took, or a card that could not be closed, is tried again; really 30."""

BAN_PAUSE = 2.0
"""Seconds for which nobody is called after the word of a ban; really 300."""

if __name__ == "__main__":
    turn.SAY_AGAIN_AFTER = effects.CLOSE_AGAIN_AFTER = AGAIN_AFTER
    faults.BAN_PAUSE = BAN_PAUSE
    sys.argv[1:] = ["run"]
    sys.exit(main())
