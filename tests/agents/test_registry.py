"""Which agent a value of `AGENT` names, and what is said of a value that names none."""

from pathlib import Path

import pytest

from actors.agents.registry import make_agent
from actors.errors import SettingsError


def problem_of(spec: str) -> str:
    with pytest.raises(SettingsError) as caught:
        make_agent(spec)
    [problem] = caught.value.problems
    return problem


@pytest.mark.parametrize("spec", ["faq:", " faq: "])
def test_faq_alone_is_the_sample_shop(spec: str) -> None:
    assert make_agent(spec).name == "faq"


def test_faq_takes_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# 停车\n\n可以停在后院。", encoding="utf-8")
    assert make_agent(f"faq:{tmp_path}").name == "faq"


def test_python_takes_a_module_and_a_name() -> None:
    assert make_agent("python:tests.agents.test_custom:async_generator").name == "python"


@pytest.mark.parametrize("spec", ["openai:gpt-5", "dify:", "jit:aiagents.shop", "jit+https://node.example/app"])
def test_an_agent_of_a_later_version_is_said_to_be_one(spec: str) -> None:
    assert "is not available in this version" in problem_of(spec)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("fag:", "did you mean faq:?"),
        ("faq", "did you mean faq:?"),
        ("FAQ:", "did you mean faq:?"),
        ("Faq:", "did you mean faq:?"),
        ("pyhton:shop:reply", "did you mean python:?"),
        ("open-ai:gpt", "did you mean openai:?"),
        ("langchain:x", "is no agent; it is one of"),
        ("", "is no agent"),
        ("python:", "names no function"),
        ("python:shop", "names no function"),
        ("python::reply", "names no function"),
        ("python:no_such_shop:reply", "cannot be imported"),
        ("faq:/no/such/folder", "there is no such folder"),
    ],
)
def test_a_value_that_names_no_agent_is_explained(spec: str, problem: str) -> None:
    assert problem in problem_of(spec)


@pytest.mark.parametrize("spec", ["chatbot:x", "openai:gpt-5", "python:shop"])
def test_the_problem_lists_what_there_is(spec: str) -> None:
    assert problem_of(spec).endswith("it is one of faq:[DIR], python:MODULE:NAME")


@pytest.mark.parametrize("spec", ["chatbot:x", "faq:/no/such/folder", "python:no_such_shop:reply", "jit:x"])
def test_the_problem_begins_with_the_setting(spec: str) -> None:
    assert problem_of(spec).startswith(f"AGENT='{spec}': ")
