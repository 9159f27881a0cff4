"""`python -m tests.chaos.scaled`: the service as it is, but for the times that no setting shortens, scaled for tests."""

import sys

from actors.__main__ import main
from actors.core import turn
from actors.dingtalk import faults

SAY_AGAIN_AFTER = 1.0
BAN_PAUSE = 2.0

if __name__ == "__main__":
    turn.SAY_AGAIN_AFTER = SAY_AGAIN_AFTER
    faults.BAN_PAUSE = BAN_PAUSE
    sys.argv[1:] = ["run"]
    sys.exit(main())
