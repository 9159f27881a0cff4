"""Clicks on cards as the platform sends them, and as it might."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.clicks import Click, read_click
from actors.dingtalk.inbound import Malformed

CONTENT = {"cardPrivateData": {"actionIds": ["single_button_node_ocltl6e6foq"], "params": {"action": "like"}}}
CLICK: dict[str, Any] = {
    "extension": "{}",
    "corpId": "dingxxxx",
    "spaceType": "im",
    "userIdType": 1,
    "type": "actionCallback",
    "userId": "042297",
    "content": json.dumps(CONTENT),
    "spaceId": "cidxxxx",
    "outTrackId": "card-1",
    "value": json.dumps(CONTENT),
}
"""A click, from open.dingtalk.com, "card callbacks"."""


def click(content: object = ..., **fields: Any) -> dict[str, Any]:
    """The click above, with `content` in place of both copies, and with other fields; one that is ... is left out."""
    copies = {} if content is ... else {"content": content, "value": content}
    return {name: value for name, value in (CLICK | copies | fields).items() if value is not ...}


def private(**fields: Any) -> dict[str, Any]:
    return {"cardPrivateData": fields}


def test_a_click_says_who_clicked_what_on_which_card() -> None:
    assert read_click(CLICK) == Click("card-1", "042297", ("single_button_node_ocltl6e6foq",), {"action": "like"})


@pytest.mark.parametrize(
    "data",
    [
        click(CONTENT),
        click(value=...),
        click(value="{torn"),
        {name: value for name, value in CLICK.items() if name != "content"},
        CLICK | {"content": "{torn"},
        CLICK | {"content": "{}"},
        CLICK | {"content": None},
        click(
            {"cardPrivateData": {"actionIds": CONTENT["cardPrivateData"]["actionIds"]}, "params": {"action": "like"}}
        ),
        click(private(actionIds='["single_button_node_ocltl6e6foq"]', params='{"action": "like"}')),
        click({"cardPrivateData": json.dumps(CONTENT["cardPrivateData"])}),
        click(spaceType=..., spaceId=..., userIdType=..., extension=..., corpId=..., type=...),
    ],
)
def test_the_same_click_is_read_from_every_form_it_comes_in(data: dict[str, Any]) -> None:
    assert read_click(data) == read_click(CLICK)


@pytest.mark.parametrize(
    ("given_as", "action_ids"),
    [
        (["a", "b"], ("a", "b")),
        ([1, None, "", "b"], ("1", "b")),
        ('["a", "b"]', ("a", "b")),
        ("[]", ()),
        ([], ()),
        (None, ()),
        (7, ()),
    ],
)
def test_action_ids_are_read_leniently(given_as: object, action_ids: tuple[str, ...]) -> None:
    assert read_click(click(private(actionIds=given_as, params={"action": "like"}))).action_ids == action_ids


@pytest.mark.parametrize(
    ("given_as", "params"),
    [
        ({"rating": "helpful"}, {"rating": "helpful"}),
        ({"rating": 5, "half": 0.5, "sure": True}, {"rating": "5", "half": "0.5", "sure": "true"}),
        ({"tags": ["好", 1], "more": {"a": None}}, {"tags": '["好", 1]', "more": '{"a": null}'}),
        ({"nothing": None}, {}),
        ({"half": "an emoji \ud83d"}, {"half": "an emoji ?"}),
        ('{"rating": "helpful"}', {"rating": "helpful"}),
        ("{}", {}),
        (["rating"], {}),
        (None, {}),
    ],
)
def test_params_become_text(given_as: object, params: dict[str, str]) -> None:
    assert read_click(click(private(actionIds=["a"], params=given_as))).params == params


def test_private_params_win_over_those_beside() -> None:
    data = click({"cardPrivateData": {"params": {"rating": "inner"}}, "params": {"rating": "outer", "type": "t"}})
    assert read_click(data).params == {"rating": "inner", "type": "t"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "outTrackId"),
        (click(outTrackId=...), "outTrackId"),
        (click(outTrackId=""), "outTrackId"),
        (click(userId=...), "userId"),
        (click(userId=None), "userId"),
        (click(content=None), "content"),
        (click({}), "content"),
        (click("no JSON"), "content"),
        (click([1]), "content"),
        (click(private(actionIds=[], params={})), "content"),
    ],
)
def test_a_click_that_does_not_say_enough_is_malformed(data: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_click(data)
    assert caught.value.field == field


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3),
    max_leaves=8,
)
PRIVATE = ANYTHING | st.fixed_dictionaries({}, optional={"actionIds": ANYTHING, "params": ANYTHING})
COPIES = ANYTHING | st.fixed_dictionaries({}, optional={"cardPrivateData": PRIVATE, "params": ANYTHING})


@given(
    st.dictionaries(st.sampled_from(list(CLICK)), ANYTHING),
    st.fixed_dictionaries({}, optional={"content": COPIES | COPIES.map(json.dumps), "value": COPIES}),
)
def test_any_payload_is_a_click_or_malformed(odd: dict[str, Any], copies: dict[str, Any]) -> None:
    data = {"outTrackId": "card-1", "userId": "042297"} | odd | copies
    try:
        read = read_click(data)
    except Malformed:
        return
    assert all((read.card_id, read.user, *read.action_ids))
    "".join((read.card_id, read.user, *read.action_ids, *read.params, *read.params.values())).encode()
