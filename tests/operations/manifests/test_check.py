"""`python -m deploy.kubernetes.check`: what does not fit is named, with its place."""

import shutil
from pathlib import Path

import pytest

from actors import settings_file
from deploy.kubernetes import check
from tests.operations.manifests.rendering import FOLDERS, Overlay, each
from tests.operations.workshop import ROOT


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the command says; it ends with 1 if it says something."""
    code = check.main([str(folder)])
    said = capsys.readouterr().err.splitlines()
    assert code == (1 if said else 0)
    return said


def placed(path: str, begin: str) -> str:
    """File and line of what begins so, as it is shown from another folder."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return f"{ROOT / path}:{text.count(chr(10), 0, text.index(begin)) + 1}"


@each
def test_the_manifests_fit(folder: str) -> None:
    assert list(check.faults(check.HERE / folder)) == []


def test_without_folders_the_base_and_every_overlay_are_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "TO_CLOSE", 100)
    assert check.main([]) == 1
    told = capsys.readouterr().err.splitlines()
    files = [line.partition(": ")[0].rpartition("kubernetes/")[2].rpartition(":")[0] for line in told]
    assert files == ["base/statefulset.yaml", "components/replicas/deployment.yaml"]
    monkeypatch.setattr(check, "faults", lambda folder: [str(folder.relative_to(check.HERE))])
    check.main([])
    assert capsys.readouterr().err.split() == FOLDERS


def test_an_overlay_of_ones_own_may_be_anywhere(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(overlay(settings="CARD_MAX_UPDATES=5"), capsys) == []


def test_a_renamed_variable_is_named_with_file_and_line(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(overlay(settings="# fewer\n\nCARD_MAX_UPDATE=5\n"), capsys) == [
        "mine/settings.env:3: CARD_MAX_UPDATE: there is no such setting, did you mean CARD_MAX_UPDATES?"
    ]


def test_an_unknown_variable_is_named_too(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = checked(overlay(settings="NUMBER_OF_ROBOTS=5"), capsys)
    assert said.startswith("mine/settings.env:1: NUMBER_OF_ROBOTS: there is no such setting, ")


@pytest.mark.parametrize("spelled", ["{name: OPENAPI_QPM, value: '5'}", 'name: "OPENAPI_QPM"'])
def test_so_is_one_of_the_container_itself(overlay: Overlay, spelled: str, capsys: pytest.CaptureFixture[str]) -> None:
    patch = f"      containers:\n        - name: dingtalk-actors\n          env:\n            - {spelled}\n"
    assert checked(overlay(patch=patch), capsys) == [
        "mine/patch.yaml:10: OPENAPI_QPM: there is no such setting, did you mean OPENAPI_QPS?"
    ]


def test_a_variable_that_the_service_no_longer_has_is_named_in_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "NAMES", tuple(name for name in check.NAMES if name != "INBOX_LEASE"))
    assert check.main([]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "INBOX_LEASE" in line]
    assert said.startswith(f"{placed(settings_file.PATH, 'INBOX_LEASE=')}: INBOX_LEASE: there is no such setting")


def test_a_variable_that_the_base_does_not_have_yet_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_file, "names", lambda: iter(["AGENT", "AGENT_MOOD"]))
    said = checked(check.HERE / "base", capsys)
    (told,) = (line.partition("kubernetes/")[2] for line in said)
    assert told.startswith("base: AGENT_MOOD: is missing from the ConfigMap; ")


def test_a_database_whose_address_is_a_mounted_secret_is_right(
    overlay: Overlay, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(overlay(settings="INBOX_URL_FILE=/run/secrets/inbox"), capsys) == []


@pytest.mark.parametrize(
    ("name", "value"), [("INBOX_URL", "postgresql://app:hush@db/app"), ("OPENAI_API_KEY", "sk-hush")]
)
def test_a_secret_that_everybody_may_read_is_named_and_not_shown(
    overlay: Overlay, name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = checked(overlay(settings=f"{name}={value}"), capsys)
    assert f"mine/settings.env:1: {name}: is a secret and stands here for everybody to read" in said[0]
    assert said[0].endswith(f"{name}_FILE")
    assert "hush" not in " ".join(said)


def test_an_inbox_of_no_known_kind_is_named(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = checked(overlay(settings="INBOX_URL=mysql://db/inbox"), capsys)
    assert said.startswith("mine/settings.env:1: INBOX_URL='mysql://db/inbox': must be sqlite:///PATH")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CARD_KIND=ia", "CARD_KIND='ia': must be"),
        ('OPENAPI_QPS="20"', "OPENAPI_QPS="),
        ("STREAM_RETRY_MAX=0.5", "STREAM_RETRY_MAX=0.5: is less than STREAM_RETRY_INITIAL=1"),
        ("DINGTALK_CLIENT_ID=ding1", "DINGTALK_CLIENT_SECRET: is missing"),
    ],
)
def test_a_value_that_the_service_would_refuse_is_named(
    overlay: Overlay, line: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (said,) = checked(overlay(settings=line), capsys)
    assert said.split(": ", 1)[1].startswith(told)
    assert said.startswith("mine/settings.env:1: ") or "SECRET" in told


def test_what_is_there_only_in_the_container_is_not_looked_for_here(
    overlay: Overlay, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = "DINGTALK_CLIENT_ID=ding1\nDINGTALK_CLIENT_SECRET_FILE=/etc/dingtalk-actors/secret\n"
    assert checked(overlay(settings=f"{robot}ROBOTS_DIR=/srv/robots\nSSL_CERT_FILE=/srv/ca.pem\n"), capsys) == []


def test_a_grace_that_the_pod_does_not_have_is_named(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = checked(overlay(settings="SHUTDOWN_GRACE=60"), capsys)
    place, _, told = said.partition(": ")
    assert place == placed("deploy/kubernetes/base/statefulset.yaml", "terminationGracePeriodSeconds:")
    assert told == ("terminationGracePeriodSeconds=55: is too short, 90 are needed, SHUTDOWN_GRACE=60 and 30 to close")


def test_a_pod_with_more_time_may_have_more_grace(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(overlay("SHUTDOWN_GRACE=60", "      terminationGracePeriodSeconds: 90\n"), capsys) == []


@pytest.mark.parametrize("probe", check.PROBES)
def test_a_probe_that_does_not_wait_for_the_answer_is_named(
    overlay: Overlay, probe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = f"      containers:\n        - name: dingtalk-actors\n          {probe}:\n            timeoutSeconds: 5\n"
    assert checked(overlay(patch=patch), capsys) == [
        f"mine/patch.yaml:9: {probe}: timeoutSeconds=5: is too short, the service answers within 5, give it more"
    ]


@pytest.mark.parametrize("probe", check.PROBES)
def test_a_probe_that_is_missing_is_named(overlay: Overlay, probe: str, capsys: pytest.CaptureFixture[str]) -> None:
    patch = f"      containers:\n        - name: dingtalk-actors\n          {probe}: null\n"
    assert checked(overlay(patch=patch), capsys) == [f"mine/patch.yaml:9: {probe}: is missing"]


def test_a_port_that_is_not_probed_is_named(overlay: Overlay, capsys: pytest.CaptureFixture[str]) -> None:
    env = "            - {name: HTTP_PORT, value: '9000'}\n"
    patch = f"      containers:\n        - name: dingtalk-actors\n          env:\n{env}"
    said = checked(overlay(patch=patch), capsys)
    assert [line.split(": ")[1:] for line in said] == [
        [probe, "port=metrics", "is not that of HTTP_PORT=9000"] for probe in check.PROBES
    ]


def test_what_kustomize_does_not_take_is_told_in_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (said,) = checked(tmp_path / "empty", capsys)
    assert said.startswith("empty: ")
    assert "kustomization.yaml" in said


def test_manifests_without_the_service_are_no_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(check.HERE / "components" / "namespace", tmp_path / "mine")
    kustomization = "resources: [namespace.yaml]\n"
    (folder / "kustomization.yaml").write_text(kustomization, encoding="utf-8")
    assert checked(folder, capsys) == ["mine: there is no container with the name dingtalk-actors"]
