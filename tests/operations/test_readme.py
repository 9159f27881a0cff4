"""Both READMEs against the code and against each other."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actors import metrics, reference
from actors.core.question import Address, Question
from actors.settings import KNOWN
from tests.operations.workshop import ROOT

ENGLISH, CHINESE = (ROOT / name for name in reference.READMES)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"<!-- (\w+):start -->.*?<!-- \1:end -->", re.DOTALL)
STAND_FOR_OTHERS = {"STAFF_ID", "SHOP_SECRET"}
"""A command's argument, and a variable of somebody's own."""

both = pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda path: path.name)


def prose(readme: Path) -> str:
    """The README without its generated tables."""
    return GENERATED.sub("", readme.read_text(encoding="utf-8"))


def shape(readme: Path) -> list[str]:
    """What both languages have in common, line by line: levels of headings, lists, rows of tables, fences."""
    marks = re.findall(r"^(#+ |- |\d+\. |\| |```\w*)", prose(readme), re.MULTILINE)
    return [mark.strip() for mark in marks]


def test_both_languages_have_the_same_shape() -> None:
    assert shape(ENGLISH) == shape(CHINESE)


def test_both_languages_have_the_same_examples() -> None:
    examples = [
        [re.sub(r" *#.*", "", code) for language, code in FENCE.findall(prose(readme)) if language in {"sh", "python"}]
        for readme in (ENGLISH, CHINESE)
    ]
    assert examples[0] == examples[1]


def test_both_languages_name_the_same_things() -> None:
    named = [
        set(re.findall(r"`([^`\n]*[A-Za-z][^`\n]*)`", FENCE.sub("", prose(readme)))) for readme in (ENGLISH, CHINESE)
    ]
    assert {name for name in named[0] ^ named[1] if not name.startswith("## ")} == set()


@both
def test_the_tables_are_what_the_code_declares(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    assert reference.renewed(text) == text


@both
def test_every_variable_it_names_exists(readme: Path) -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", prose(readme))) - STAND_FOR_OTHERS
    assert named - set(KNOWN) - {f"{name}_FILE" for name in KNOWN} == set()


@both
def test_every_metric_it_names_exists(readme: Path) -> None:
    named = set(re.findall(r"dingtalk_[a-z_]+", prose(readme))) - {"dingtalk_actors"}
    assert named <= {metric.name for metric in metrics.DECLARED}


@both
def test_every_target_it_names_exists(readme: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make (\w+)`", prose(readme))) == targets


@both
def test_every_file_and_page_it_points_to_exists(readme: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", prose(readme))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@both
def test_every_part_on_its_map_exists(readme: Path) -> None:
    (tree,) = [code for language, code in FENCE.findall(prose(readme)) if code.startswith("actors/")]
    names = re.findall(r"(?<=\s)([a-z_]+(?:\.py|/))(?=\s|$)", tree)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / "actors" / name).exists()] == []


@both
async def test_the_example_agent_answers(readme: Path) -> None:
    (code,) = [code for language, code in FENCE.findall(prose(readme)) if language == "python"]
    shop: dict[str, Callable[[Question], AsyncIterator[str]]] = {}
    exec(code.replace("sleep(0.2)", "sleep(0)"), shop)
    address = Address(robot_code="ding", chat="cid", group=False, user="0123", webhook="", webhook_expires=0)
    question = Question("ding", "m1", "c", "c", "where is it", "0123", "Lin", address, received_at=0)
    said = "".join([piece async for piece in shop["answer"](question)])
    assert said == "**Lin**, you asked:\n\nwhere is it \n\nThis is turn 1 of our talk."


# The generator itself.


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in reference.MADE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_check_says_nothing_of_tables_in_step(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_check_names_the_file_that_is_out_of_step(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chinese = checkout / CHINESE.name
    chinese.write_text(chinese.read_text(encoding="utf-8").replace("| `8000` |", "| `8001` |"), encoding="utf-8")
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith("README.zh-CN.md: ")


def test_write_brings_it_back_in_step_and_touches_nothing_else(checkout: Path) -> None:
    english = checkout / ENGLISH.name
    english.write_text(english.read_text(encoding="utf-8").replace("| `8000` |", "| `8001` |"), encoding="utf-8")
    assert reference.main(["--write"]) == 0
    assert english.read_text(encoding="utf-8") == ENGLISH.read_text(encoding="utf-8")


def test_a_readme_without_its_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="settings:start"):
        reference.renewed("no tables here")


def test_the_tables_tell_the_default_of_a_secret_that_has_one() -> None:
    assert "| `INBOX_URL` | `sqlite:///var/inbox.db` |" in reference.settings_table()
