"""Attachments over real HTTP and on a real disk: fetched once, whoever asks first."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from actors.core.question import Attachment
from actors.dingtalk.files import Files
from tests.dingtalk.files.attaching import LIMIT, PNG, MakeFiles, asking, path_of, picture
from tests.dingtalk.files.storage import SIGNATURE, Storage, Stored
from tests.folders import files_in


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
    assert files_in(tmp_path) == [path_of(fetched)]
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
    files = make_files(slots=asyncio.Semaphore(2))
    storage.delay = 0.02
    codes = [f"c{number}" for number in range(6)]
    for code in codes:
        storage.put(code, Stored())
    assert len(await files.fetch(asking(*map(picture, codes)))) == 6
    assert storage.most_at_once == 2


async def test_the_wait_for_a_slot_is_not_on_the_clock(make_files: MakeFiles, storage: Storage) -> None:
    slots = asyncio.Semaphore(1)
    files = make_files(slots=slots, timeout=0.5)
    storage.put("d", Stored())
    await slots.acquire()
    waiting = asyncio.create_task(files.fetch(asking()))
    await asyncio.sleep(1.2)  # longer than two tries may take
    slots.release()
    assert len(await waiting) == 1
