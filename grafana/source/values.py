"""The values of labels that come from a fixed list, taken from the code that counts, so that no second list is kept.

A label that is not named here may have any value, such as the id of a robot.
"""

import re
from functools import cache
from typing import get_args

from actors import metrics
from actors.core.robot import Cause
from actors.core.texts import RATINGS
from actors.core.turn_words import End
from actors.dingtalk.download import Outcome as Fetched
from actors.dingtalk.frames import FrameType
from actors.errors import PASSING, AgentReason
from actors.series import REPEATED, RESTARTED
from actors.variables import Variables

_POLICY = re.compile(r"(\w+)_retry_(\w+)")


@cache
def fixed_values() -> dict[tuple[str, str], frozenset[str]]:
    """By series and label."""
    policy = [found.groups() for found in map(_POLICY.fullmatch, Variables.model_fields) if found]
    scopes, settings = (frozenset(words) for words in zip(*policy, strict=True))
    edges = {(f"{metric.name}_bucket", "le"): frozenset(map(_edge, metric.buckets)) for metric in metrics.DECLARED}
    return edges | {
        ("dingtalk_agent_errors_total", "reason"): frozenset(get_args(AgentReason)),
        ("dingtalk_agent_tokens_total", "kind"): frozenset(get_args(metrics.Cost)),
        ("dingtalk_attachments_total", "outcome"): frozenset(Fetched),
        ("dingtalk_card_updates_skipped_total", "reason"): frozenset(get_args(metrics.Skip)),
        ("dingtalk_card_updates_total", "outcome"): frozenset((*get_args(metrics.Called), "skipped")),
        ("dingtalk_card_updates_total", "stage"): frozenset(get_args(metrics.Stage)),
        ("dingtalk_clicks_total", "outcome"): frozenset(get_args(metrics.Press)),
        ("dingtalk_feedback_total", "rating"): frozenset(RATINGS),
        ("dingtalk_messages_total", "outcome"): frozenset(get_args(metrics.Reception)),
        ("dingtalk_retries_total", "reason"): frozenset((*PASSING, *REPEATED, *RESTARTED)),
        ("dingtalk_retries_total", "scope"): scopes,
        ("dingtalk_retry_policy", "scope"): scopes,
        ("dingtalk_retry_policy", "setting"): settings,
        ("dingtalk_robot_parked", "reason"): frozenset(Cause),
        ("dingtalk_stream_frames_total", "type"): frozenset(FrameType),
        ("dingtalk_stream_restarts_total", "reason"): frozenset(RESTARTED),
        ("dingtalk_turns_total", "outcome"): frozenset(End),
    }


def _edge(bucket: float) -> str:
    return str(float(bucket))
