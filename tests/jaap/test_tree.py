"""Which robots an element tree has: the tutorial's, a mounted one, and every way in which one can be broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.robot import Cause, Parked
from actors.errors import SettingsError
from actors.jaap.tree import Instance, read_tree
from tests.jaap.trees import INSTANCE, plant, robot, write

KNOWN = {"AGENT": False, "AGENT_TIMEOUT": True, "HTTP_PORT": False}


def read(directory: Path) -> tuple[Instance | Parked, ...]:
    return read_tree(directory, {"SET": "value"}, KNOWN)


def only(directory: Path) -> Instance | Parked:
    (found,) = read(directory)
    return found


def broken(directory: Path) -> Parked:
    """The one broken instance of a tree."""
    (parked,) = [found for found in read(directory) if isinstance(found, Parked)]
    return parked


def names(directory: Path) -> list[str]:
    found = read(directory)
    assert all(isinstance(one, Instance) for one in found)
    return [one.name for one in found if isinstance(one, Instance)]


def wrong(directory: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read(directory)
    (problem,) = caught.value.problems
    return problem


# Good trees.


@pytest.mark.parametrize("meta", ["Meta", "meta"])
def test_the_tutorials_tree_has_its_one_instance(tmp_path: Path, meta: str) -> None:
    assert names(plant(tmp_path, {"dingTalkDemo": robot("ding1")}, meta=meta)) == ["imRobots.dingTalkDemo"]


def test_an_instance_knows_its_title_and_its_file(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"dingTalkDemo": robot("ding1")}))
    assert isinstance(found, Instance)
    assert (found.title, found.file) == ("钉钉智能客服", tmp_path / "imRobots" / "dingTalkDemo" / "config.json")


def test_the_family_itself_may_be_named_too(tmp_path: Path) -> None:
    app = plant(tmp_path, {"dingTalkDemo": robot("ding1")})
    assert names(app / "imRobots") == ["imRobots.dingTalkDemo"]


def test_the_family_may_be_mounted_under_another_name(tmp_path: Path) -> None:
    plant(tmp_path, {"dingTalkDemo": robot("ding1")})
    (tmp_path / "imRobots").rename(tmp_path / "robots")
    assert names(tmp_path / "robots") == ["imRobots.dingTalkDemo"]


def test_instances_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    app = plant(tmp_path, {name: robot(name) for name in ("c", "a", "b")})
    assert names(app) == ["imRobots.a", "imRobots.b", "imRobots.c"]


def test_a_full_name_has_every_folder_in_it(tmp_path: Path) -> None:
    assert names(plant(tmp_path, {"shops/north": robot("ding1")})) == ["imRobots.shops.north"]


def test_what_lies_within_an_element_is_no_element_of_the_family(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1"), "demo/backend": robot("ding2")})
    assert names(app) == ["imRobots.demo"]


def test_elements_of_another_type_are_left_alone(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "feishu" / "e.json", {"type": "imRobots.feishuStreamType"})
    write(app / "imRobots" / "odd" / "e.json", {"type": ["imRobots.dingTalkStreamType"]})
    assert names(app) == ["imRobots.demo"]


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": b"\xef\xbb\xbf" + json.dumps(robot("ding1")).encode()})
    assert names(app) == ["imRobots.demo"]


def test_a_tree_that_kubernetes_mounted_is_read_once(tmp_path: Path) -> None:
    """A mounted ConfigMap: the files are in a dated folder, `..data` leads there, and each top-level name into that."""
    plant(tmp_path / "..2026_11_02", {"demo": robot("ding1")})
    (tmp_path / "..data").symlink_to("..2026_11_02")
    (tmp_path / "imRobots").symlink_to("..data/imRobots")
    assert names(tmp_path) == ["imRobots.demo"]


def test_a_family_that_kubernetes_mounted_is_read_once(tmp_path: Path) -> None:
    family = tmp_path / "imRobots"
    plant(tmp_path / "elsewhere", {"demo": robot("ding1")})
    family.mkdir()
    (tmp_path / "elsewhere" / "imRobots").rename(family / "..2026_11_02")
    (family / "..data").symlink_to("..2026_11_02")
    (family / "demo").symlink_to("..data/demo")
    assert names(family) == ["imRobots.demo"]


def test_files_that_are_links_are_read(tmp_path: Path) -> None:
    app = plant(tmp_path / "app", {"demo": robot("ding1")})
    config = app / "imRobots" / "demo" / "config.json"
    config.rename(tmp_path / "config")
    config.symlink_to(tmp_path / "config")
    assert names(app) == ["imRobots.demo"]


def test_a_link_that_leads_back_is_followed_once(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    (app / "imRobots" / "shops").mkdir()
    (app / "imRobots" / "shops" / "again").symlink_to(app / "imRobots")
    assert names(app) == ["imRobots.demo"]


def test_what_is_read_again_and_unchanged_is_equal(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1"), "other": robot("ding2", AGENT_TIMEOUT=5)})
    assert read(app) == read(app)


def test_a_back_end_in_a_folder_of_its_own_is_found_there(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "demo" / "e.json", INSTANCE | {"backendBundleEntry": "./backend"})
    (app / "imRobots" / "demo" / "backend").mkdir()
    (app / "imRobots" / "demo" / "config.json").rename(app / "imRobots" / "demo" / "backend" / "config.json")
    found = only(app)
    assert isinstance(found, Instance)
    assert found.file == app / "imRobots" / "demo" / "backend" / "config.json"


@pytest.mark.parametrize("entry", ["../other", "/other", "./backend", 5, None], ids=repr)
def test_a_back_end_that_is_nowhere_within_is_the_elements_own_folder(tmp_path: Path, entry: object) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "demo" / "e.json", INSTANCE | {"backendBundleEntry": entry})
    write(app / "imRobots" / "other" / "config.json", robot("ding2"))
    write(app / "imRobots" / "other" / "e.json", {"type": "imRobots.feishuStreamType"})
    found = only(app)
    assert isinstance(found, Instance)
    assert found.variables["DINGTALK_CLIENT_ID"] == "ding1"


@pytest.mark.parametrize("when", ["afterAppInit", "beforeHandleRequest", None], ids=repr)
def test_when_jitnode_would_load_an_instance_makes_no_difference_here(tmp_path: Path, when: str | None) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "demo" / "e.json", INSTANCE | {"backendLoadTime": when})
    assert names(app) == ["imRobots.demo"]


# No trees.


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path / "no").startswith(f"ROBOTS_DIR={str(tmp_path / 'no')!r}: there is no such folder")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    assert "there is no such folder" in wrong(write(tmp_path / "file", ""))


def test_a_folder_that_is_no_element_tree_is_told_and_not_searched(tmp_path: Path) -> None:
    plant(tmp_path / "deep" / "down", {"demo": robot("ding1")})
    assert "is no element tree" in wrong(tmp_path)


def test_an_instances_own_folder_is_no_element_tree(tmp_path: Path) -> None:
    plant(tmp_path, {"demo": robot("ding1")})
    assert "is no element tree" in wrong(tmp_path / "imRobots" / "demo")


@pytest.mark.parametrize("within", ["", "imRobots"])
def test_a_family_without_an_instance_is_told(tmp_path: Path, within: str) -> None:
    assert "has no instance" in wrong(plant(tmp_path, {}) / within)


# Broken instances.

BROKEN: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"clientId": "ding1",}', "is no JSON (line 1, column 22"),
    "nothing": ("", "is no JSON (line 1, column 1"),
    "a list": ([], "must be a JSON object in braces, is a list"),
    "a text": ('"ding1"', "must be a JSON object in braces, is text"),
    "a truth": ("true", "must be a JSON object in braces, is true or false"),
    "null": ("null", "must be a JSON object in braces, is null"),
    "another encoding": ('{"title": "客服"}'.encode("gbk"), "is not UTF-8 text"),
    "endless brackets": ("[" * 100_000, "is no JSON of a reasonable size"),
    "an endless number": ('{"clientId": ' + "9" * 5000 + "}", "is no JSON of a reasonable size"),
}


@pytest.mark.parametrize("file", ["config.json", "e.json"])
@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_json_object_is_named_with_what_it_is(
    tmp_path: Path, file: str, content: Any, told: str
) -> None:
    app = plant(tmp_path, {"demo": robot("ding1"), "ours": robot("ding2")})
    path = write(app / "imRobots" / "demo" / file, content)
    (problem,) = broken(app).problems
    assert problem.startswith(f"{path}: {told}")


@pytest.mark.parametrize("file", ["config.json", "e.json"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    path = app / "imRobots" / "demo" / file
    path.unlink()
    assert broken(app).problems == (f"{path}: is missing, write it or remove the folder",)


@pytest.mark.parametrize("file", ["config.json", "e.json"])
def test_a_folder_in_a_files_place_is_named(tmp_path: Path, file: str) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    path = app / "imRobots" / "demo" / file
    path.unlink()
    path.mkdir()
    assert broken(app).problems == (f"{path}: cannot be read (Is a directory), make it a readable file",)


@pytest.mark.parametrize(
    "slip", ["imRobots.DingTalkStreamType", "imRobots.dingTalkStreamTyp", "imrobots.dingtalkstreamtype"]
)
def test_a_near_miss_of_the_type_is_asked_about(tmp_path: Path, slip: str) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "demo" / "e.json", INSTANCE | {"type": slip})
    assert broken(app).problems[0].endswith("did you mean imRobots.dingTalkStreamType?")


def test_a_broken_instance_is_told_beside_the_good_ones(tmp_path: Path) -> None:
    found = read(plant(tmp_path, {"a": robot("ding1"), "b": "{", "c": robot("ding3")}))
    assert [type(one) for one in found] == [Instance, Parked, Instance]


def test_an_unreadable_instance_is_named_by_its_element(tmp_path: Path) -> None:
    parked = broken(plant(tmp_path, {"demo": "{"}))
    assert (parked.robot, parked.element, parked.cause) == ("imRobots.demo", "imRobots.demo", Cause.UNREADABLE)


def test_an_instance_with_a_fault_is_named_by_its_client_id(tmp_path: Path) -> None:
    parked = broken(plant(tmp_path, {"demo": robot("ding1", AGENT_TIMOUT=5)}))
    assert (parked.robot, parked.element, parked.cause) == ("ding1", "imRobots.demo", Cause.SETTINGS)


def test_a_title_that_is_no_text_harms_nobody(tmp_path: Path) -> None:
    app = plant(tmp_path, {"demo": robot("ding1")})
    write(app / "imRobots" / "demo" / "e.json", INSTANCE | {"title": {"zh": "客服"}})
    found = only(app)
    assert isinstance(found, Instance)
    assert found.title == ""


# Laws.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
configs = json_values.map(json.dumps) | st.dictionaries(
    st.sampled_from(["clientId", "clientSecret", "agent", "AGENT_TIMEOUT", "HTTP_PORT", "clientID", "clientI\nd"]),
    json_values,
).map(json.dumps)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("app"), {"demo": robot("ding1")})


@given(content=configs | st.binary(max_size=40))
def test_whatever_a_file_holds_each_fault_is_one_line_that_names_it(app: Path, content: str | bytes) -> None:
    path = write(app / "imRobots" / "demo" / "config.json", content)
    problems = [problem for found in read(app) if isinstance(found, Parked) for problem in found.problems]
    assert all(problem.startswith(f"{path}: ") and len(problem.splitlines()) == 1 for problem in problems)
