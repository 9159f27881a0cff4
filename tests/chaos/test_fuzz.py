"""Whatever comes in, nothing falls over: what reads frames, payloads, texts, events, configurations and settings.

The suite tries 20,000 cases, and half a second's worth of them through a running service (`test_fuzz_edge.py`); each
example that is drawn is `CASES` of them. What was found once stands below as a case of its own.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import SettingsError
from actors.settings import KNOWN, load
from tests.chaos import fuzz, payloads
from tests.chaos.payloads import fuzzed

PLACES = fuzz.PLACES


@fuzzed(430)
@given(payloads.frames, PLACES)
def test_any_frame_is_read_and_has_its_ack(value: Any, place: int) -> None:
    assert fuzz.every_frame(value, place) == payloads.CASES


@fuzzed(200)
@given(payloads.messages, PLACES, payloads.ODD)
def test_any_message_is_a_question_unreadable_or_malformed(data: Any, place: int, odd: Any) -> None:
    assert fuzz.every_version(fuzz.message_holds)(data, place, odd) == payloads.CASES


@fuzzed(200)
@given(payloads.clicks, PLACES, payloads.ODD)
def test_any_click_is_read_or_malformed(data: Any, place: int, odd: Any) -> None:
    assert fuzz.every_version(fuzz.click_holds)(data, place, odd) == payloads.CASES


@fuzzed(200)
@given(payloads.texts, PLACES)
def test_any_text_can_be_shown(text: str, place: int) -> None:
    assert fuzz.every_text(text, place) == 5
