"""Which agent a value of `AGENT` names, and what is said of a value that names none."""

from pathlib import Path

import pytest

from actors.agents import registry
from actors.agents.setup import Setup, no_session
from actors.core.events import Agent
from actors.errors import SettingsError
from actors.variables import Variables


def make_agent(spec: str) -> Agent:
    return registry.make_agent(spec, Setup(Variables(), no_session))


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


def test_the_problem_lists_what_there_is() -> None:
    assert problem_of("chatbot:x").endswith(f"it is one of {', '.join(registry.FORMS.values())}")


@pytest.fixture
def an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings two schemes, one of which falls over when it is imported."""
    (tmp_path / "parrot.py").write_text(
        "from actors.agents.custom import PythonAgent\n"
        "def make(rest, setup):\n    return PythonAgent(lambda question: rest)\n"
    )
    metadata = tmp_path / "parrot-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[dingtalk_actors.agents]\nparrot = parrot:make\nlame = no_such_module:make\nfaq = parrot:make\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("an_installed_package")
def test_an_installed_package_adds_a_scheme() -> None:
    assert make_agent("parrot:polly").name == "python"


@pytest.mark.usefixtures("an_installed_package")
def test_a_scheme_of_ours_is_nobody_elses() -> None:
    assert make_agent("faq:").name == "faq"


@pytest.mark.usefixtures("an_installed_package")
def test_a_package_that_cannot_be_imported_is_named() -> None:
    assert "no_such_module:make cannot be imported" in problem_of("lame:x")


@pytest.mark.parametrize("spec", ["chatbot:x", "faq:/no/such/folder", "python:no_such_shop:reply"])
def test_the_problem_begins_with_the_setting(spec: str) -> None:
    assert problem_of(spec).startswith(f"AGENT='{spec}': ")
