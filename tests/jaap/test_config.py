"""What an instance's `config.json` says: its keys, their kinds, and the environment's values in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jaap.config import Config, read_config
from actors.redaction import clean

FILE = Path("imRobots/demo/config.json")
KNOWN = {"DINGTALK_CLIENT_ID": False, "AGENT": False, "HTTP_PORT": False} | dict.fromkeys(
    ["AGENT_TIMEOUT", "AGENT_SHOW_REASONING", "OPENAI_API_KEY", "CARD_KIND"], True
)
WHOLE = {"clientId": "ding1", "clientSecret": "kept-to-ourselves"}


def read(written: dict[str, Any], **environ: str) -> Config:
    return read_config(FILE, json.loads(json.dumps(written)), environ, KNOWN)


def set_by(written: dict[str, Any], **environ: str) -> dict[str, str]:
    """What a good file sets beside its credentials."""
    config = read(WHOLE | written, **environ)
    assert config.problems == ()
    return {name: value for name, value in config.variables.items() if not name.startswith("DINGTALK_")}


def problem(written: dict[str, Any], **environ: str) -> str:
    """The one thing that is wrong with a file, without the file's name."""
    (told,) = read(written, **environ).problems
    assert told.startswith(f"{FILE}: ")
    return told.removeprefix(f"{FILE}: ")


# Keys.


def test_the_tutorials_keys_leave_under_the_environments_names() -> None:
    assert read(WHOLE | {"agent": "faq:"}).variables == {
        "DINGTALK_CLIENT_ID": "ding1",
        "DINGTALK_CLIENT_SECRET": "kept-to-ourselves",
        "AGENT": "faq:",
    }


def test_an_agent_without_a_scheme_is_a_jitai_element() -> None:
    assert set_by({"agent": "aiagents.ragTest"}) == {"AGENT": "jit:aiagents.ragTest"}


@pytest.mark.parametrize("agent", ["faq:", "faq:shop", "python:shop:answer", "jit:aiagents.ragTest"])
def test_an_agent_with_a_scheme_is_what_it_says(agent: str) -> None:
    assert set_by({"agent": agent}) == {"AGENT": agent}


@pytest.mark.parametrize("empty", [None, "", " "], ids=repr)
def test_what_is_empty_counts_as_not_set(empty: object) -> None:
    assert set_by({"agent": empty, "AGENT_TIMEOUT": empty}) == {}


@pytest.mark.parametrize(
    ("value", "spelled"),
    [("5", "5"), (5, "5"), (0.5, "0.5"), (True, "true"), (False, "false"), ("true", "true")],
    ids=repr,
)
def test_a_setting_may_be_a_number_or_a_truth_and_is_spelled_as_in_the_environment(value: object, spelled: str) -> None:
    assert set_by({"AGENT_TIMEOUT": value}) == {"AGENT_TIMEOUT": spelled}


def test_keys_of_others_are_left_alone() -> None:
    assert set_by({"welcome": "hello {{nobody}}", "tools": [{"clientID": 1}], "OPENAI_ORG": 3}) == {}


@pytest.mark.parametrize("key", ["clientId", "clientSecret"])
@pytest.mark.parametrize("value", ["absent", None, "", "  "], ids=repr)
def test_a_credential_that_is_missing_is_told(key: str, value: str | None) -> None:
    written: dict[str, Any] = WHOLE | {key: value}
    if value == "absent":
        del written[key]
    assert problem(written) == f"{key}: is missing, the app's page in DingTalk's console has it"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "a number"), (True, "true or false"), (["x"], "a list"), ({"x": 1}, "an object")],
    ids=repr,
)
@pytest.mark.parametrize("key", ["clientId", "clientSecret", "agent"])
def test_a_value_of_another_kind_is_told(key: str, value: object, kind: str) -> None:
    assert problem(WHOLE | {key: value}) == f"{key}: must be text in quotes, is {kind}"


@pytest.mark.parametrize(("value", "kind"), [(["x"], "a list"), ({"x": 1}, "an object")], ids=repr)
def test_a_setting_is_never_a_list_or_an_object(value: object, kind: str) -> None:
    assert problem(WHOLE | {"AGENT_TIMEOUT": value}) == f"AGENT_TIMEOUT: must be text in quotes, is {kind}"


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("clientID", "clientId"),
        ("client_id", "clientId"),
        ("client-secret", "clientSecret"),
        ("agents", "agent"),
        ("Agent", "agent"),
        ("AGENT_TIMOUT", "AGENT_TIMEOUT"),
        ("agent_timeout", "AGENT_TIMEOUT"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
    ],
)
def test_a_near_miss_of_a_key_is_asked_about(slip: str, meant: str) -> None:
    assert problem(WHOLE | {slip: "1"}) == f"{slip}: there is no such key, did you mean {meant}?"


@pytest.mark.parametrize(("name", "key"), [("AGENT", "agent"), ("DINGTALK_CLIENT_ID", "clientId")])
def test_the_environments_name_of_a_key_is_asked_about(name: str, key: str) -> None:
    assert problem(WHOLE | {name: "1"}) == f"{name}: is not its name here, did you mean {key}?"


def test_a_setting_of_the_whole_process_is_not_ignored_in_silence() -> None:
    told = problem(WHOLE | {"HTTP_PORT": 9000})
    assert told == "HTTP_PORT: holds for all robots of this process, set it in the environment"


def test_all_faults_of_a_file_are_told_at_once() -> None:
    told = read({"clientSecret": "{{NOBODY}}", "agent": 5, "AGENT_TIMOUT": 1}).problems
    keys = [line.removeprefix(f"{FILE}: ").split(":")[0] for line in told]
    assert sorted(keys) == ["AGENT_TIMOUT", "agent", "clientId", "clientSecret"]


# Values of the environment.


@pytest.mark.parametrize("written", ["{{SECRET}}", "{{ SECRET }}", "{{\tSECRET  }}"])
def test_a_name_in_braces_stands_for_its_value(written: str) -> None:
    assert read(WHOLE | {"clientSecret": written}, SECRET="s3cret").variables["DINGTALK_CLIENT_SECRET"] == "s3cret"


def test_names_may_stand_anywhere_in_a_text() -> None:
    assert set_by({"agent": "{{KIND}}:{{DIR}}/{{DIR}}"}, KIND="faq", DIR="shop") == {"AGENT": "faq:shop/shop"}


def test_a_setting_may_come_from_the_environment() -> None:
    assert set_by({"AGENT_TIMEOUT": "{{WAIT}}"}, WAIT="30") == {"AGENT_TIMEOUT": "30"}


@pytest.mark.parametrize("literal", ["{SECRET}", "{{}}", "{ {SECRET} }", "{{SECRET}", "{{two words}}", "}}{{"])
def test_other_braces_stand_for_themselves(literal: str) -> None:
    assert read(WHOLE | {"clientSecret": literal}).variables["DINGTALK_CLIENT_SECRET"] == literal


def test_a_name_with_dots_and_dashes_is_one_too() -> None:
    environ = {"shop.secret-1": "s3cret"}
    assert (
        read(WHOLE | {"clientSecret": "{{shop.secret-1}}"}, **environ).variables["DINGTALK_CLIENT_SECRET"] == "s3cret"
    )


@pytest.mark.parametrize("environ", [{}, {"SECRET": ""}, {"SECRET": " "}], ids=repr)
def test_a_name_that_is_not_set_is_told_with_its_key(environ: dict[str, str]) -> None:
    told = problem(WHOLE | {"clientSecret": "{{ SECRET }}"}, **environ)
    assert told == "clientSecret: {{SECRET}} is not set, set SECRET in the environment"


def test_what_was_put_in_is_not_looked_into_again() -> None:
    config = read(WHOLE | {"clientSecret": "{{ONE}}{{TWO}}"}, ONE="{{TWO}}{", TWO="{{THREE}}")
    assert config.variables["DINGTALK_CLIENT_SECRET"] == "{{TWO}}{{{THREE}}"


def test_the_secret_is_hidden_as_soon_as_it_is_read() -> None:
    read(WHOLE | {"clientSecret": "{{SECRET}}-and-more", "agent": 5}, SECRET="hush-hush")
    assert clean("it is hush-hush-and-more") == "it is ***"


# Laws.

values = st.text(min_size=1, max_size=30).filter(str.strip)
hard_values = values | st.text('"\\{}$ \n\u2028SECRET', min_size=1, max_size=20).filter(str.strip)


@given(hard_values)
def test_any_secret_of_the_environment_arrives_as_it_is(secret: str) -> None:
    config = read(WHOLE | {"clientSecret": "{{SECRET}}"}, SECRET=secret)
    assert config == Config({"DINGTALK_CLIENT_ID": "ding1", "DINGTALK_CLIENT_SECRET": secret}, ())


@given(hard_values, st.sampled_from(["clientId", "agent", "AGENT_TIMEOUT", "clientSecret"]))
def test_no_value_of_the_environment_is_ever_told(value: str, key: str) -> None:
    hidden = f"geheim-{value}"
    config = read({key: ["{{SECRET}}"], "clientIdd": hidden, "HTTP_PORT": hidden, "agent": "{{NO}}"}, SECRET=hidden)
    assert not any("geheim" in told for told in config.problems)
