"""The file of all settings: complete, right, without a secret, and read by kustomize as it was meant."""

import re

import pytest

from actors import reference, settings_file
from actors.settings import KNOWN, load
from actors.variables import Variables
from deploy.kubernetes import check
from tests.operations.manifests.rendering import Overlay, settings
from tests.operations.workshop import ROOT

TEXT = (ROOT / settings_file.PATH).read_text(encoding="utf-8")
LINES = dict(re.findall(r"^([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))
OF_THE_PLACE = {"HTTP_HOST", "HTTP_PORT", "SANDBOX_HOST", "SANDBOX_PORT", "SANDBOX_TEMPLATES"}


def test_it_is_what_the_code_declares() -> None:
    assert settings_file.settings_file() == TEXT


def test_every_setting_is_in_it_but_those_of_the_place() -> None:
    expected = {f"{name}_FILE" if secret else name for name, secret in KNOWN.items()}
    assert set(LINES) == expected - OF_THE_PLACE
    assert list(settings_file.names()) == list(LINES)


def test_it_holds_the_defaults() -> None:
    assert load(LINES).effective() == load({}).effective()


def test_every_setting_has_its_meaning_above_it() -> None:
    found = re.findall(r"\n\n((?:# .*\n)+)([A-Z_]+)=", TEXT)
    assert [name for _, name in found] == list(LINES)
    for comment, name in found:
        said = " ".join(line.removeprefix("# ") for line in comment.splitlines())
        setting = name.removesuffix("_FILE") if name not in KNOWN else name
        assert said.startswith(str(Variables.model_fields[setting.lower()].description))


def test_what_is_secret_stands_in_it_as_a_file_that_is_named_elsewhere() -> None:
    secrets = {name for name, secret in KNOWN.items() if secret}
    assert secrets
    assert all(LINES[f"{name}_FILE"] == "" for name in secrets)


def test_kustomize_reads_every_value_as_it_stands() -> None:
    assert settings("base") == LINES


@pytest.mark.parametrize(
    "value",
    ["", "faq:/srv/店", "a#b", "k=v", '"quoted"', "$HOME $(HOME)", "back\\slash", "user:p@ss", "0.50", "true", "~"],
)
def test_kustomize_leaves_every_sign_of_a_value_alone(overlay: Overlay, value: str) -> None:
    folder = overlay(settings=f"# remark\nAGENT={value}\n")
    assert check.deployed(check.render(folder)).environment["AGENT"] == value


def test_a_changed_setting_is_a_changed_pod(overlay: Overlay) -> None:
    def template(settings: str) -> object:
        (stateful,) = [found for found in check.render(overlay(settings=settings)) if found["kind"] == "StatefulSet"]
        return stateful["spec"]["template"]

    assert template("CARD_MAX_UPDATES=20") == template("")
    assert template("CARD_MAX_UPDATES=21") != template("")


def test_check_names_the_file_that_is_out_of_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_file, "HEAD", ("another head",))
    monkeypatch.chdir(ROOT)
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith(f"{settings_file.PATH}: is out of step")
