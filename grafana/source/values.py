"""The values of labels that come from a fixed list, taken from the code that counts, so that no second list is kept.

A label that is not named here may have any value, such as the id of a robot.
"""

from functools import cache

from actors.core.robot import Cause
from actors.core.texts import RATINGS
from actors.core.turn_words import End
from actors.dingtalk.download import Outcome as Fetched
from actors.dingtalk.frames import FrameType


@cache
def fixed_values() -> dict[tuple[str, str], frozenset[str]]:
    """By metric and label."""
    return {
        ("dingtalk_attachments_total", "outcome"): frozenset(Fetched),
        ("dingtalk_feedback_total", "rating"): frozenset(RATINGS),
        ("dingtalk_robot_parked", "reason"): frozenset(Cause),
        ("dingtalk_stream_frames_total", "type"): frozenset(FrameType),
        ("dingtalk_turns_total", "outcome"): frozenset(End),
    }
