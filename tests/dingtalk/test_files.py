"""Attachments over real HTTP and on a real disk: fetched once, within limits, and gone when nobody needs them."""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
import pytest
from prometheus_client import REGISTRY

from actors.core.question import Address, Attachment, Question
from actors.core.robot import Robot
from actors.dingtalk import files as module
from actors.dingtalk.download import NotFetched, Outcome, source
from actors.dingtalk.files import MOST, Files
from actors.dingtalk.openapi import OpenApi
from tests.dingtalk.conftest import MakeOpenApi
from tests.dingtalk.storage import DEAD, SIGNATURE, Storage, Stored

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
LIMIT = 1_000_000
HTML = Stored(b"<!doctype html><title>welcome to the hotel's network</title>")


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    storage = Storage()
    runner = await storage.serve()
    yield storage
    storage.end()
    await runner.cleanup()


@pytest.fixture
def robot(storage: Storage) -> Robot:
    """A robot of its own for each test, since its name is a metric's label."""
    return Robot(
        client_id=f"ding{uuid.uuid4().hex[:8]}",
        client_secret="the-robots-secret",
        endpoint=storage.url,
        agent="faq:",
        card_template="template",
        card_content_key="msgContent",
    )


@pytest.fixture
def openapi(make_openapi: MakeOpenApi) -> OpenApi:
    return make_openapi(attempts=1)


MakeFiles = Callable[..., Files]


@pytest.fixture
async def make_files(openapi: OpenApi, session: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[MakeFiles]:
    made = []

    def make(*, timeout: float = 20.0, slots: int = 4, directory: Path = tmp_path, keep_for: float = 3600.0) -> Files:
        files = Files(
            openapi,
            session,
            directory,
            max_bytes=LIMIT,
            timeout=timeout,
            slots=asyncio.Semaphore(slots),
            keep_for=keep_for,
        )
        made.append(files)
        return files

    yield make
    for files in made:
        await files.close()


@pytest.fixture
def files(make_files: MakeFiles) -> Files:
    return make_files()


def picture(code: str = "d") -> Attachment:
    return Attachment("picture", "", "picture", code)


def asking(*attachments: Attachment) -> Question:
    return Question(
        robot="ding",
        message_id=f"msg{uuid.uuid4().hex}==",
        conversation="ding::zhang",
        chat_id="ding:cid:zhang",
        text="这是什么？",
        sender_id="zhang",
        sender_nick="张三",
        address=Address("dingrobotcode", "cid", group=False, user="zhang", webhook="", webhook_expires=0.0),
        received_at=0.0,
        attachments=attachments or (picture(),),
    )


def path_of(attachment: Attachment) -> Path:
    return Path(unquote(urlsplit(attachment.url).path))


def counted(files: Files) -> dict[str, float]:
    """How often each outcome was counted for this robot."""
    robot = files._api.robot.client_id
    return {
        sample.labels["outcome"]: sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "dingtalk_attachments_total" and sample.labels["robot"] == robot
    }


def on_disk(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - a disk tells no events
            await asyncio.sleep(0.005)


# Fetching.


async def test_an_attachment_is_fetched_into_a_file(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(PNG))
    (fetched,) = await files.fetch(asking())
    assert path_of(fetched).read_bytes() == PNG


async def test_what_was_fetched_is_called_by_what_it_is(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(PNG))
    (fetched,) = await files.fetch(asking())
    assert (fetched.kind, fetched.name, path_of(fetched).name, fetched.code) == (
        "picture",
        "picture.png",
        "picture.png",
        "d",
    )


async def test_a_file_keeps_its_own_name(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(b"BM is how a bitmap begins"))
    (fetched,) = await files.fetch(asking(Attachment("file", "", "说明.txt", "d")))
    assert path_of(fetched).name == fetched.name == "说明.txt"


async def test_no_name_leads_a_file_elsewhere(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored(PNG))
    (fetched,) = await files.fetch(asking(Attachment("file", "", "../../../escaped", "d")))
    assert on_disk(tmp_path) == [path_of(fetched)]
    assert path_of(fetched).parts[-1] == "escaped"


async def test_a_question_without_attachments_asks_for_nothing(files: Files, storage: Storage) -> None:
    question = replace(asking(), attachments=())
    files.prefetch(question)
    assert await files.fetch(question) == ()
    assert not storage.asked


async def test_dingtalk_is_asked_with_the_code_and_the_robot_that_got_the_message(
    files: Files, storage: Storage
) -> None:
    storage.put("d", Stored())
    await files.fetch(asking())
    assert storage.asked == [{"downloadCode": "d", "robotCode": "dingrobotcode"}]


async def test_the_signed_link_is_followed_as_it_was_given(files: Files, storage: Storage) -> None:
    """Another spelling, or a Content-Type, and Alibaba Cloud's storage answers 403."""
    storage.put("d", Stored())
    await files.fetch(asking())
    (request,) = storage.got
    assert request.raw_path.partition("?")[2] == SIGNATURE
    assert "Content-Type" not in request.headers
    assert "x-acs-dingtalk-access-token" not in request.headers


async def test_attachments_come_in_the_order_they_were_sent_in(files: Files, storage: Storage) -> None:
    codes = ["c", "a", "b"]
    for code in codes:
        storage.put(code, Stored())
    fetched = await files.fetch(asking(*map(picture, codes)))
    assert [attachment.code for attachment in fetched] == codes


async def test_two_files_of_one_name_are_two(files: Files, storage: Storage) -> None:
    storage.put("a", Stored(b"one"))
    storage.put("b", Stored(b"two"))
    fetched = await files.fetch(asking(*(Attachment("file", "", "same.txt", code) for code in "ab")))
    assert [path_of(attachment).read_bytes() for attachment in fetched] == [b"one", b"two"]


async def test_places_are_private(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored())
    (fetched,) = await files.fetch(asking())
    place = path_of(fetched).parent
    assert [path.stat().st_mode & 0o777 for path in (place, place.parent)] == [0o700, 0o700]
    assert place.parent.parent == tmp_path


async def test_a_file_in_many_blocks_is_whole(files: Files, storage: Storage) -> None:
    data = os.urandom(LIMIT)
    storage.put("d", Stored(data, unannounced=True))
    (fetched,) = await files.fetch(asking())
    assert path_of(fetched).read_bytes() == data


# What cannot be had.

TOO_LARGE = [Stored(bytes(LIMIT + 1)), Stored(bytes(LIMIT + 1), unannounced=True)]
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
    assert on_disk(tmp_path) == []


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
    import socket

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
    assert (counted(files), on_disk(tmp_path)) == ({"failed": 1}, [])


async def test_a_place_that_cannot_be_made_fails_no_question(
    make_files: MakeFiles, storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("no folder")
    files = make_files(directory=tmp_path / "taken")
    storage.put("d", Stored())
    assert await files.fetch(asking()) == ()
    assert counted(files) == {"failed": 1}


# Fetching ahead.


async def test_fetching_ahead_begins_at_once(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    files.prefetch(asking())
    await storage.until_got()


async def test_who_asks_later_gets_what_was_fetched_ahead(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(PNG))
    question = asking()
    files.prefetch(question)
    files.prefetch(question)
    await storage.until_got()
    (fetched,) = await files.fetch(question)
    assert path_of(fetched).read_bytes() == PNG
    assert len(storage.got) == 1


async def test_two_who_ask_at_once_share_one_download(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    question = asking()
    one, other = await asyncio.gather(files.fetch(question), files.fetch(question))
    assert one == other
    assert len(storage.got) == 1


async def test_two_who_ask_at_once_share_one_second_try(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(status=502), Stored())
    question = asking()
    one, other = await asyncio.gather(files.fetch(question), files.fetch(question))
    assert len(one) == 1
    assert one == other
    assert len(storage.got) == 2


async def test_whoever_stops_waiting_does_not_stop_the_download(files: Files, storage: Storage) -> None:
    storage.delay = 0.05
    storage.put("d", Stored())
    question = asking()
    waiting = asyncio.create_task(files.fetch(question))
    await storage.until_got()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert len(await files.fetch(question)) == 1
    assert len(storage.got) == 1


async def test_what_failed_ahead_is_tried_again_when_it_is_needed(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(status=502), Stored())
    question = asking()
    files.prefetch(question)
    await storage.until_got()
    assert len(await files.fetch(question)) == 1


async def test_only_so_many_downloads_go_on_at_once(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(slots=2)
    storage.delay = 0.02
    codes = [f"c{number}" for number in range(6)]
    for code in codes:
        storage.put(code, Stored())
    assert len(await files.fetch(asking(*map(picture, codes)))) == 6
    assert storage.most_at_once == 2


async def test_the_wait_for_a_slot_is_not_on_the_clock(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(slots=1, timeout=2.0)
    storage.delay = 0.5
    codes = [f"c{number}" for number in range(5)]
    for code in codes:
        storage.put(code, Stored())
    assert len(await files.fetch(asking(*map(picture, codes)))) == 5


# Going away.


async def test_dropped_files_are_gone(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored())
    question = asking()
    await files.fetch(question)
    await files.drop(question)
    assert on_disk(tmp_path) == []


async def test_dropping_ends_a_download(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored(bytes(600_000), stall=True, unannounced=True))
    question = asking()
    files.prefetch(question)
    await until(lambda: on_disk(tmp_path))
    await files.drop(question)
    assert on_disk(tmp_path) == []


async def test_whoever_waits_for_what_is_dropped_gets_nothing(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(stall=True, unannounced=True))
    question = asking()
    waiting = asyncio.create_task(files.fetch(question))
    await storage.until_got()
    await files.drop(question)
    assert await waiting == ()


async def test_dropping_what_was_never_there_is_fine(files: Files) -> None:
    await files.drop(asking())


async def test_what_was_dropped_can_be_fetched_again(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    question = asking()
    await files.fetch(question)
    await files.drop(question)
    (fetched,) = await files.fetch(question)
    assert path_of(fetched).exists()


async def test_files_of_another_question_stay(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    (kept,) = await files.fetch(asking())
    gone = asking()
    await files.fetch(gone)
    await files.drop(gone)
    assert path_of(kept).exists()


async def test_what_nobody_asks_for_is_forgotten(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(keep_for=0.0)
    storage.put("d", Stored(stall=True))
    files.prefetch(asking())
    await until(lambda: not files._held)


async def test_what_somebody_asked_for_stays_until_it_is_dropped(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(keep_for=0.0)
    storage.put("d", Stored())
    question = asking()
    files.prefetch(question)
    (fetched,) = await files.fetch(question)
    assert path_of(fetched).exists()


@asynccontextmanager
async def left_behind(files: Files, *, age: float) -> AsyncIterator[Path]:
    """A file that a killed process left this many seconds ago."""
    place = files._directory / uuid.uuid4().hex
    place.mkdir(parents=True)
    (place / "left.png").write_bytes(PNG)
    os.utime(place, (time.time() - age,) * 2)
    yield place


async def test_what_a_killed_process_left_is_cleaned_away(files: Files) -> None:
    async with left_behind(files, age=7200) as place:
        await files.clean()
        assert not place.exists()


async def test_what_another_process_may_be_using_is_not_cleaned_away(files: Files) -> None:
    async with left_behind(files, age=60) as place:
        await files.clean()
        assert place.exists()


async def test_what_is_in_use_is_not_cleaned_away_however_old(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    (fetched,) = await files.fetch(asking())
    os.utime(path_of(fetched).parent, (0, 0))
    await files.clean()
    assert path_of(fetched).exists()


async def test_cleaning_before_there_is_anything_is_fine(files: Files) -> None:
    await files.clean()


async def test_closing_leaves_nothing(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored())
    storage.put("slow", Stored(bytes(600_000), stall=True, unannounced=True))
    await files.fetch(asking())
    files.prefetch(asking(picture("slow")))
    await until(lambda: len(on_disk(tmp_path)) == 2)
    await files.close()
    assert on_disk(tmp_path) == []


# Where a link may lead.

DINGTALK = "https://api.dingtalk.com"
SANDBOX = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("link", "endpoint", "leads_to"),
    [
        ("https://store.aliyuncs.com/a?Signature=x%3D", DINGTALK, "https://store.aliyuncs.com/a?Signature=x%3D"),
        ("http://wukong.oss.aliyuncs.com/a%2Fb?S=%2B", DINGTALK, "https://wukong.oss.aliyuncs.com/a%2Fb?S=%2B"),
        ("http://store.aliyuncs.com:80/a", DINGTALK, "https://store.aliyuncs.com/a"),
        ("http://store.aliyuncs.com:8080/a", DINGTALK, "https://store.aliyuncs.com:8080/a"),
        ("http://127.0.0.1:8080/file/x", DINGTALK, "https://127.0.0.1:8080/file/x"),
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
