"""Attachments that cannot be had: left out, logged and counted once, tried again where that may help."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from actors.core.question import Attachment
from actors.dingtalk import files as module
from actors.dingtalk.download import NotFetched, Outcome, source
from actors.dingtalk.files import MOST, Files
from tests.dingtalk.files.attaching import LIMIT, PNG, MakeFiles, asking, counted, path_of, picture
from tests.dingtalk.files.storage import DEAD, Storage, Stored
from tests.folders import files_in

HTML = Stored(b"<!doctype html><title>welcome to the hotel's network</title>")
TOO_LARGE = [
    Stored(bytes(LIMIT + 1)),
    Stored(bytes(LIMIT + 1), unannounced=True),
    Stored(announced=LIMIT + 1, stall=True),
]
REFUSED = [
    DEAD,
    HTML,
    Stored(headers={"Content-Type": "text/html"}),
    Stored(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", status=403),
    Stored(status=404),
    Stored(headers={"Content-Encoding": "gzip"}),
    Stored(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"}),
    Stored(status=302, headers={"Location": "ftp://127.0.0.1/file"}),
    Stored(status=302, headers={"Location": "?again"}),
    Stored(status=302),
    Stored(link="ftp://127.0.0.1/file"),
    Stored(link="file:///etc/passwd"),
    Stored(link="https://user:secret@127.0.0.1/"),
    Stored(link="https://[::1/"),
    Stored(link="/file/d"),
    Stored(link=""),
    Stored(link=42),
]
PASSING = [
    Stored(PNG, torn=20),
    Stored(PNG, torn=20, unannounced=True),
    Stored(status=502),
    Stored(status=429),
    Stored(b""),
    Stored(refusal={"code": "system.busy", "message": ""}),
]
LEFT_OUT = [
    *((answer, "too_large") for answer in TOO_LARGE),
    *((answer, "refused") for answer in REFUSED),
    *((answer, "failed") for answer in PASSING),
]


@pytest.mark.parametrize(("answer", "outcome"), LEFT_OUT)
async def test_what_cannot_be_had_is_left_out_and_counted_once(
    files: Files, storage: Storage, answer: Stored, outcome: str
) -> None:
    storage.put("d", answer)
    assert await files.fetch(asking()) == ()
    assert counted(files) == {outcome: 1}


@pytest.mark.parametrize(("answer", "outcome"), LEFT_OUT)
async def test_what_cannot_be_had_is_logged_once_without_its_link(
    files: Files, storage: Storage, answer: Stored, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("d", answer)
    await files.fetch(asking())
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (record.__dict__["action"], record.__dict__["outcome"]) == ("attachment_not_fetched", outcome)
    for secret in ("Signature", "5BNf2t", "secret", storage.url):
        assert secret not in record.getMessage()


@pytest.mark.parametrize(("answer", "_outcome"), LEFT_OUT)
async def test_nothing_of_it_stays_on_the_disk(
    files: Files, storage: Storage, tmp_path: Path, answer: Stored, _outcome: str
) -> None:
    storage.put("d", answer)
    await files.fetch(asking())
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("answer", [*TOO_LARGE, *REFUSED])
async def test_what_another_try_cannot_help_is_tried_once(files: Files, storage: Storage, answer: Stored) -> None:
    storage.put("d", answer)
    await files.fetch(asking())
    assert len(storage.asked) == 1


@pytest.mark.parametrize("answer", PASSING)
async def test_trouble_that_may_pass_is_tried_once_more(files: Files, storage: Storage, answer: Stored) -> None:
    storage.put("d", answer)
    await files.fetch(asking())
    assert len(storage.asked) == 2


@pytest.mark.parametrize("answer", [answer for answer in PASSING if not answer.refusal])
async def test_trouble_that_passed_is_no_trouble(files: Files, storage: Storage, answer: Stored) -> None:
    storage.put("d", answer, Stored(PNG))
    (fetched,) = await files.fetch(asking())
    assert path_of(fetched).read_bytes() == PNG
    assert counted(files) == {"fetched": 1}


async def test_a_storage_that_cannot_be_reached_is_trouble_that_may_pass(
    files: Files, storage: Storage, unused_port: int
) -> None:
    storage.put("d", Stored(link=f"https://127.0.0.1:{unused_port}/file"))
    assert await files.fetch(asking()) == ()
    assert (counted(files), len(storage.asked)) == ({"failed": 1}, 2)


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_what_takes_too_long_is_given_up(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(timeout=0.05)
    storage.put("d", Stored(bytes(9), stall=True, unannounced=True))
    assert await files.fetch(asking()) == ()
    assert counted(files) == {"timeout": 1}


async def test_one_that_cannot_be_had_keeps_no_other_from_coming(files: Files, storage: Storage) -> None:
    storage.put("good", Stored())
    (fetched,) = await files.fetch(asking(picture("dead"), picture("good")))
    assert fetched.code == "good"


async def test_what_is_exactly_as_large_as_allowed_is_fetched(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(bytes(LIMIT)))
    assert len(await files.fetch(asking())) == 1


async def test_a_web_page_that_somebody_sent_is_a_file_like_others(files: Files, storage: Storage) -> None:
    storage.put("d", HTML)
    (fetched,) = await files.fetch(asking(Attachment("file", "", "page.HTML", "d")))
    assert path_of(fetched).read_bytes() == HTML.data


async def test_a_redirect_within_the_same_place_is_followed(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(status=302, headers={"Location": "/file/there?x=1"}))
    storage.put("there", Stored(PNG))
    (fetched,) = await files.fetch(asking())
    assert path_of(fetched).read_bytes() == PNG


async def test_more_than_enough_attachments_are_left_out(
    files: Files, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    codes = [f"c{number}" for number in range(MOST + 3)]
    for code in codes:
        storage.put(code, Stored())
    fetched = await files.fetch(asking(*map(picture, codes)))
    assert [attachment.code for attachment in fetched] == codes[:MOST]
    assert counted(files) == {"fetched": MOST, "refused": 3}
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_a_kind_of_a_newer_version_is_no_label(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    await files.fetch(asking(Attachment("hologram", "", "h", "d")))
    labels = {"robot": files._api.robot.client_id, "kind": "other", "outcome": "fetched"}
    assert REGISTRY.get_sample_value("dingtalk_attachments_total", labels) == 1


async def test_the_disk_is_not_filled_up(
    files: Files, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPARE_BYTES", 2**62)
    storage.put("d", Stored())
    assert await files.fetch(asking()) == ()
    assert (counted(files), files_in(tmp_path)) == ({"failed": 1}, [])


async def test_a_place_that_cannot_be_made_fails_no_question(
    make_files: MakeFiles, storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("no folder")
    files = make_files(directory=tmp_path / "taken")
    storage.put("d", Stored())
    assert await files.fetch(asking()) == ()
    assert counted(files) == {"failed": 1}


DINGTALK = "https://api.dingtalk.com"
SANDBOX = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("link", "endpoint", "leads_to"),
    [
        ("https://store.aliyuncs.com/a?Signature=x%3D", DINGTALK, "https://store.aliyuncs.com/a?Signature=x%3D"),
        ("http://wukong.oss.aliyuncs.com/a%2Fb?S=%2B", DINGTALK, "https://wukong.oss.aliyuncs.com/a%2Fb?S=%2B"),
        ("http://store.aliyuncs.com:80/a", DINGTALK, "https://store.aliyuncs.com/a"),
        ("http://store.aliyuncs.com:8080/a", DINGTALK, "https://store.aliyuncs.com:8080/a"),
        ("https://8.8.8.8/file/x", DINGTALK, "https://8.8.8.8/file/x"),
        ("https://10.0.0.7/file/x", "https://10.0.0.5", "https://10.0.0.7/file/x"),
        ("http://127.0.0.1:8080/file/x", SANDBOX, "http://127.0.0.1:8080/file/x"),
        ("http://127.0.0.1:9090/file/x", SANDBOX, "https://127.0.0.1:9090/file/x"),
        ("https://store.aliyuncs.com/图 1.png", DINGTALK, "https://store.aliyuncs.com/%E5%9B%BE%201.png"),
    ],
)
def test_a_link_is_followed_over_tls_or_to_the_endpoint_itself(link: str, endpoint: str, leads_to: str) -> None:
    assert str(source(link, endpoint)) == leads_to


@pytest.mark.parametrize(
    "link", ["", None, 7, "x", "//host/a", "ftp://h/a", "file:///a", "https:///a", "https://u@h/a"]
)
def test_other_links_are_refused(link: object) -> None:
    with pytest.raises(NotFetched) as caught:
        source(link, SANDBOX)
    assert caught.value.outcome is Outcome.REFUSED


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST.", "a.localhost", "0.0.0.0"),
        *("10.0.0.1", "192.168.1.1", "172.16.0.1", "100.100.100.200", "[::1]", "[fe80::1]", "[fd00::1]"),
        *("[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "①②⑦.⓪.⓪.①"),
    ],
)
def test_a_link_into_our_own_network_is_refused(scheme: str, host: str) -> None:
    with pytest.raises(NotFetched) as caught:
        source(f"{scheme}://{host}/latest/meta-data", DINGTALK)
    assert caught.value.outcome is Outcome.REFUSED
