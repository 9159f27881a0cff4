"""Settings of the robots in `ROBOTS_DIR`: each has its own, and a broken one is parked with the place of its fault."""

import re
from pathlib import Path
from typing import Any

import pytest

from actors.core.robot import Cause, Parked
from actors.errors import SettingsError
from actors.redaction import clean
from actors.settings import Settings, load, look
from tests.jaap.trees import plant, robot
from tests.operations.test_settings import CONTRACT, ROBOT, problems


def planted(folder: Path, robots: dict[str, Any], **environ: str) -> dict[str, str]:
    return {"ROBOTS_DIR": str(plant(folder, robots))} | environ


def parked(settings: Settings) -> Parked:
    """The one robot that is not served."""
    (one,) = settings.parked
    return one


def test_the_robots_of_a_folder_are_served(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a"), "b": robot("ding-b")}))
    assert [one.client_id for one in settings.robots()] == ["ding-a", "ding-b"]


def test_with_a_folder_of_robots_no_sandbox_is_wanted(tmp_path: Path) -> None:
    assert not load(planted(tmp_path, {"a": robot("ding-a")})).sandbox_wanted


def test_the_environments_robot_is_served_beside_them(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a")}, **ROBOT))
    assert [one.client_id for one in settings.robots()] == ["ding-shop", "ding-a"]


def test_a_robot_has_the_environments_settings_with_its_own_laid_over(tmp_path: Path) -> None:
    robots = {"a": robot("ding-a", AGENT_TIMEOUT=5), "b": robot("ding-b")}
    settings = load(planted(tmp_path, robots, AGENT_TIMEOUT="7", AGENT_IDLE_TIMEOUT="3"))
    own = [settings.of(one) for one in ("ding-a", "ding-b")]
    assert [(one.agent_timeout, one.agent_idle_timeout) for one in own] == [(5, 3), (7, 3)]


def test_a_robots_own_settings_leave_the_processs_alone(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a", agent="python:shop:answer", AGENT_TIMEOUT=5)}))
    assert (settings.agent, settings.agent_timeout, settings.dingtalk_client_id) == ("faq:", 600, None)


def test_a_robot_without_an_agent_has_the_environments(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a", agent=None)}, AGENT="python:shop:answer"))
    assert settings.robots()[0].agent == "python:shop:answer"


def test_two_dify_apps_of_one_process_have_each_its_own_key(tmp_path: Path) -> None:
    robots = {
        name: robot(f"ding-{name}", agent="dify:", DIFY_API_KEY=f"{{{{ KEY_{name.upper()} }}}}", DIFY_BASE_URL=url)
        for name, url in {"a": "http://dify.a/v1", "b": None}.items()
    }
    environ = planted(tmp_path, robots, DIFY_BASE_URL="http://dify/v1", KEY_A="app-key-a", KEY_B='app-"key"-\\b{')
    own = [load(environ).of(one) for one in ("ding-a", "ding-b")]
    assert [one.dify_base_url for one in own] == ["http://dify.a/v1", "http://dify/v1"]
    keys = [one.dify_api_key.get_secret_value() for one in own if one.dify_api_key]
    assert keys == ["app-key-a", 'app-"key"-\\b{']
    assert clean(" ".join(keys)) == "*** ***"


def test_a_key_in_a_file_is_a_robots_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-of-a\n", encoding="utf-8")
    robots = {"a": robot("ding-a", OPENAI_API_KEY_FILE=str(tmp_path / "key")), "b": robot("ding-b")}
    settings = load(planted(tmp_path, robots, OPENAI_API_KEY="sk-of-all"))
    keys = [settings.of(one).openai_api_key for one in ("ding-a", "ding-b")]
    assert [key.get_secret_value() for key in keys if key] == ["sk-of-a", "sk-of-all"]


# Looked at again.


def test_what_has_not_changed_looks_the_same(tmp_path: Path) -> None:
    environ = planted(tmp_path, {"a": robot("ding-a"), "b": "{"})
    assert look(environ) == look(environ)


def test_a_change_of_a_robot_is_seen(tmp_path: Path) -> None:
    environ = planted(tmp_path, {"a": robot("ding-a")})
    before = look(environ)
    plant(tmp_path, {"a": robot("ding-a", AGENT_TIMEOUT=5)})
    assert look(environ) != before


@pytest.mark.parametrize("whose", ["the environment's", "a robot's"])
def test_another_key_in_a_file_is_seen(tmp_path: Path, whose: str) -> None:
    file = tmp_path / "key"
    file.write_text("sk-one", encoding="utf-8")
    named = {"OPENAI_API_KEY_FILE": str(file)}
    own, all_have = (named, {}) if whose == "a robot's" else ({}, named)
    environ = planted(tmp_path, {"a": robot("ding-a", **own)}, **all_have)
    before = look(environ)
    file.write_text("sk-two", encoding="utf-8")
    assert look(environ) != before


def test_a_folder_that_is_gone_is_a_sight_too(tmp_path: Path) -> None:
    environ = planted(tmp_path / "app", {"a": robot("ding-a")})
    before = look(environ)
    (tmp_path / "app").rename(tmp_path / "away")
    assert look(environ) != before
    assert look(environ) == look(environ)


def test_robots_that_have_all_become_broken_are_read_again(tmp_path: Path) -> None:
    assert [one.robot for one in load(planted(tmp_path, {"a": "{"}), again=True).parked] == ["imRobots.a"]


def test_a_folder_without_robots_cannot_be_read_again(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no instance"):
        load(planted(tmp_path, {}), again=True)


def test_a_card_template_belongs_to_one_robot(tmp_path: Path) -> None:
    robots = {"a": robot("ding-a", CARD_TEMPLATE_ID="ours.schema", CARD_CONTENT_KEY="text"), "b": robot("ding-b")}
    a, b = load(planted(tmp_path, robots)).robots()
    assert (a.card_template, a.card_content_key) == ("ours.schema", "text")
    assert (b.card_template, b.card_content_key) == (CONTRACT["CARD_TEMPLATE_ID"], "msgContent")


def test_a_secret_file_of_the_environment_is_not_a_robots(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the environment", encoding="utf-8")
    own = {"DINGTALK_CLIENT_ID": "ding-shop", "DINGTALK_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    settings = load(planted(tmp_path, {"a": robot("ding-a")}, **own))
    assert [one.client_secret.value for one in settings.robots()] == ["of the environment", "secret-of-ding-a"]


def test_the_environments_secret_does_not_stand_in_for_a_robots(tmp_path: Path) -> None:
    (told,) = problems(planted(tmp_path, {"a": robot("ding-a", clientSecret=None)}))
    assert told.startswith(f"{tmp_path}/imRobots/a/config.json: clientSecret: is missing")


def test_the_secrets_of_all_robots_are_masked_and_hidden(tmp_path: Path) -> None:
    settings = load(
        planted(tmp_path, {"a": robot("ding-a", clientSecret="{{S}}"), "b": robot("ding-b")}, S="hush-hush")
    )
    assert clean("hush-hush secret-of-ding-b") == "*** ***"
    said = f"{settings!r} {settings.robots()!r} {[settings.of(one.client_id).effective() for one in settings.robots()]}"
    assert not re.search("hush-hush|secret-of", said)


def test_what_is_in_effect_for_the_process_names_no_robot_of_the_folder(tmp_path: Path) -> None:
    environ = planted(tmp_path, {"a": robot("ding-a")})
    assert load(environ).effective() == CONTRACT | {"ROBOTS_DIR": str(tmp_path)}


# Broken ones.

FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "a key": ({"AGENT_TIMOUT": 1}, "AGENT_TIMOUT: there is no such key, did you mean AGENT_TIMEOUT?"),
    "a value": ({"AGENT_TIMEOUT": "soon"}, "AGENT_TIMEOUT='soon': must be "),
    "a variable": (
        {"clientSecret": "{{NOBODY}}"},
        "clientSecret: {{NOBODY}} is not set, set NOBODY in the environment",
    ),
    "a conflict": ({"AGENT_RETRY_INITIAL": 99}, "AGENT_RETRY_MAX=10: is less than AGENT_RETRY_INITIAL=99, raise it "),
    "a kind of card": ({"CARD_KIND": "fancy"}, "CARD_KIND='fancy': must be "),
}


@pytest.mark.parametrize(("fault", "told"), FAULTY.values(), ids=FAULTY)
def test_a_robot_with_a_fault_is_parked_with_the_place_of_it(tmp_path: Path, fault: dict[str, Any], told: str) -> None:
    settings = load(planted(tmp_path, {"bad": robot("ding-bad", **fault), "good": robot("ding-good")}))
    assert [one.client_id for one in settings.robots()] == ["ding-good"]
    assert (parked(settings).robot, parked(settings).cause) == ("ding-bad", Cause.SETTINGS)
    assert parked(settings).problems[0].startswith(f"{tmp_path}/imRobots/bad/config.json: {told}")


def test_a_robot_is_parked_beside_the_environments_robot(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"bad": "{"}, **ROBOT))
    assert [one.client_id for one in settings.robots()] == ["ding-shop"]
    assert parked(settings).robot == "imRobots.bad"


def test_of_two_robots_of_one_app_the_later_is_parked(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a"), "b": robot("ding-a", clientSecret="other")}))
    assert [one.client_secret.value for one in settings.robots()] == ["secret-of-ding-a"]
    assert parked(settings).problems == (
        f"{tmp_path}/imRobots/b/config.json: clientId='ding-a': is imRobots.a's too, give each robot an app of its own",
    )


def test_a_robot_of_the_environments_app_is_parked(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-shop")}, **ROBOT))
    assert "is DINGTALK_CLIENT_ID's too" in parked(settings).problems[0]


def test_a_duplicate_is_named_by_its_element_since_its_app_is_served(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a"), "b": robot("ding-a")}))
    assert (parked(settings).robot, parked(settings).cause) == ("imRobots.b", Cause.DUPLICATE)


def test_a_broken_namesake_keeps_no_robot_from_being_served(tmp_path: Path) -> None:
    settings = load(planted(tmp_path, {"a": robot("ding-a", AGENT_TIMOUT=1), "b": robot("ding-a")}))
    assert [settings.of(one.client_id).dingtalk_client_id for one in settings.robots()] == ["ding-a"]
    assert parked(settings).robot == "imRobots.a"


def test_without_any_valid_robot_all_faults_of_all_are_told(tmp_path: Path) -> None:
    told = problems(planted(tmp_path, {"a": "{", "b": robot("ding-b", AGENT_TIMEOUT="soon", AGENT_IDLE_TIMOUT=1)}))
    assert [line.split(": ")[0].removeprefix(f"{tmp_path}/imRobots/") for line in told] == [
        "a/config.json",
        "b/config.json",
    ]


def test_a_fault_of_the_environment_is_told_once_and_beside_the_robots_own(tmp_path: Path) -> None:
    told = problems(planted(tmp_path, {"a": "{", "b": robot("ding-b")}, HTTP_PORT="many", AGENT_TIMEOUT="soon"))
    assert [re.split("[=:]", line)[0] for line in told] == [
        "AGENT_TIMEOUT",
        "HTTP_PORT",
        f"{tmp_path}/imRobots/a/config.json",
    ]


def test_a_wrong_folder_is_told_beside_the_other_faults(tmp_path: Path) -> None:
    told = problems({"ROBOTS_DIR": str(tmp_path / "no"), "HTTP_PORT": "many"})
    assert [line.split("=")[0] for line in told] == ["HTTP_PORT", "ROBOTS_DIR"]


@pytest.mark.parametrize("typo", ["ROBOT_DIR", "ROBOTS_DIRS", "ROBOTSDIR"])
def test_a_typo_of_the_folders_variable_does_not_start_the_sandbox_in_silence(typo: str) -> None:
    assert problems({typo: "robots"}) == (f"{typo}: there is no such setting, did you mean ROBOTS_DIR?",)
