"""The two pages about our card template: they tell of the file as it is, in the same words, and their commands work."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy" / "dingtalk"
PAGES = ("README.md", "README.zh-CN.md")


def page(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def commands(name: str) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```", page(name), re.MULTILINE | re.DOTALL)


def rows(name: str) -> list[str]:
    """The first cell of every row of a table, headings and lines aside."""
    return [cell for cell in re.findall(r"^\| (\S[^|]*?) \|", page(name), re.MULTILINE) if cell != "---"]


def test_both_pages_have_the_same_shape_and_the_same_commands() -> None:
    one, other = (re.findall(r"^(#+) ", page(name), re.MULTILINE) for name in PAGES)
    assert one == other
    assert commands(PAGES[0]) == commands(PAGES[1])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_explains_every_variable_of_the_file(name: str) -> None:
    editor = json.loads(json.loads(page("card-template.json"))["editorData"])
    variables = [f"`{variable['name']}`" for variable in editor["variableList"]]
    assert [cell for cell in rows(name) if cell.startswith("`")] == variables


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_button(name: str) -> None:
    labels = ["⏹ 停止 Stop", "😄 非常有帮助", "😊 有帮助", "🙂 帮助不大", "😅 没帮助"]
    assert [cell for cell in rows(name) if cell in labels] == labels


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_unpack_the_file_and_pack_it_again(name: str, tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy" / "dingtalk")
    for command in [command for command in commands(name) if "python3" in command]:
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "var" / "editor.json").read_text("utf-8").count("\n") > 1000
    assert (tmp_path / "deploy" / "dingtalk" / "card-template.json").read_text("utf-8") == page("card-template.json")
