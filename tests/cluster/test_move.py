"""Work is moved from one inbox to another: all of it, once, and in its order, beside what is there."""

import pytest

from actors.core.question import Turn
from actors.errors import InboxError, InboxUnavailable
from actors.inbox import postgresql_end, statements
from actors.inbox.move_statements import KINDS
from actors.inbox.port import Feedback, Inbox, Outcome, Put, Work
from tests.cluster.stores import KEYS, Make, Store, asked, held_line, lived, nothing, taken_over, until
from tests.contract.stories import LI, SHOP, WANG, take, taken

pytestmark = pytest.mark.usefixtures("small_pages")


@pytest.mark.parametrize("way", [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")])
async def test_everything_comes_as_it_was_and_nothing_stays(make: Make, way: tuple[str, str]) -> None:
    source, target = map(make, way)
    await lived(source)
    before = source.contents()
    assert all(before.values())
    moved = await source.move(target)
    assert target.contents() == taken_over(before)
    assert source.contents() == nothing()
    assert sum(came for came, _ in (moved or {}).values()) == sum(map(len, before.values()))


async def test_no_column_is_forgotten(file: Store) -> None:
    await lived(file)
    tables = {kind.count.split(" FROM ")[1].split()[0]: set(kind.columns) - {"sequence"} for kind in KINDS}
    assert tables == {table: file.columns(table) for table in KEYS}


async def test_the_tries_at_a_question_go_on_rising_and_its_answer_is_delivered(file: Store, database: Store) -> None:
    await lived(file)
    await file.move(database)
    async with database.served() as inbox:
        delivery = await take(inbox)
        assert (delivery.question.message_id, delivery.attempt, delivery.deaths) == ("m1", 3, 1)
        assert (delivery.answer, delivery.outcome) == ("抱歉", Outcome.FAILED)


async def test_what_was_put_off_is_due(file: Store, database: Store) -> None:
    await lived(file)
    await file.move(database)
    async with database.served() as inbox:
        assert Work(SHOP, WANG, 0.0) in await inbox.backlog()


async def drained(inbox: Inbox, conversation: str) -> list[str]:
    """The order in which a conversation's questions are answered."""
    names = []
    while (name := await taken(inbox, conversation)) is not None:
        names.append(name)
        await inbox.abandon(conversation)
        await (await take(inbox, conversation)).done(Outcome.STOPPED)
    return names


async def test_questions_stay_in_their_order_behind_those_that_are_there(file: Store, database: Store) -> None:
    await lived(file)
    async with database.served() as inbox:
        await inbox.put(asked("n1"), limit=9)
        await file.move(database)
        await inbox.put(asked("n2"), limit=9)
        assert await drained(inbox, LI) == ["n1", "m1", "m2", "m3", "m4", "n2"]


async def answered(inbox: Inbox, name: str) -> None:
    await inbox.put(asked(name, text=f"问{name}"), limit=9)
    delivery = await take(inbox)
    await delivery.answered(f"答{name}")
    await delivery.done(Outcome.ANSWERED)


async def test_a_memory_stays_in_its_order_before_what_was_said_meanwhile(file: Store, database: Store) -> None:
    await lived(file)
    async with database.served() as inbox:
        await answered(inbox, "n1")
        await answered(inbox, "n2")
        await file.move(database)
        turns = [Turn(f"问{name}", f"答{name}") for name in ("a1", "a2", "a3", "n1", "n2")]
        assert await inbox.recall(LI, 9) == tuple(turns)


async def test_what_the_other_inbox_knows_stays_as_it_is_there(file: Store, database: Store) -> None:
    await lived(file)
    async with database.served() as inbox:
        await inbox.put(asked("m2", text="那边的"), limit=9)
        await inbox.put(asked("a1", text="那边的"), limit=9)
        await inbox.note(SHOP, "/help 1")
        await inbox.feedback(Feedback(SHOP, "a1", "staff-li", "not_helpful"))
        before = database.contents()
        moved = await file.move(database)
        after = database.contents()
        assert moved is not None
        known = {name: known for name, (_, known) in moved.items() if known}
        assert known == {"open questions": 1, "closed questions": 1, "notes of other messages": 1, "ratings": 1}
        assert all(row in after[table] for table, rows in before.items() for row in rows)
        assert len(after["questions"]) == 11


async def test_repeats_of_what_was_said_before_the_move_are_known(file: Store, database: Store) -> None:
    await lived(file)
    await file.move(database)
    async with database.served() as inbox:
        assert {await inbox.put(asked(name), limit=9) for name in ("a1", "b1", "b2", "m1")} == {Put.DUPLICATE}
        assert not await inbox.note(SHOP, "/help 1")


async def test_counted_calls_add_up(file: Store, database: Store) -> None:
    await lived(file)
    async with database.served() as inbox:
        await inbox.count_calls("2026-11", 100)
        await file.move(database)
        assert [await inbox.count_calls(month, 0) for month in ("2026-10", "2026-11")] == [70, 107]


async def test_replicas_are_told_at_once_that_there_is_work(file: Store, database: Store) -> None:
    await lived(file)
    async with database.served() as inbox:
        heard: list[object] = []
        inbox.follow(heard.append)
        await until(lambda: len(heard) == 1)
        await file.move(database)
        await until(lambda: len(heard) > 1)


async def test_a_text_that_the_other_engine_cannot_store_comes_without_what_it_cannot(
    file: Store, database: Store
) -> None:
    await lived(file)
    file.rows("UPDATE questions SET answer = 'a' || char(0) || 'b' WHERE message_id = 'm1'")
    await file.move(database)
    assert database.rows("SELECT answer FROM questions WHERE message_id = 'm1'") == [{"answer": "a\ufffdb"}]


async def test_no_question_gets_a_place_while_another_of_its_conversation_is_being_put(
    file: Store, database: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_end, "_PATIENCE", "SET lock_timeout = 200")
    await lived(file)
    await database.made()
    with held_line(database, LI), pytest.raises(InboxUnavailable, match="lock timeout"):
        await file.move(database)
    assert database.contents()["turns"] != []
    assert database.contents()["questions"] == []
    await file.move(database)
    assert len(database.contents()["questions"]) == 11


async def refused(source: Store, target: Store) -> str:
    """What is said of a move that is not begun: both stay as they were."""
    before = source.contents()
    with pytest.raises(InboxError) as raised:
        await source.move(target)
    assert source.contents() == before
    assert source.rows("SELECT * FROM departures") == []
    return str(raised.value)


async def test_a_file_that_is_served_from_is_not_moved(file: Store, make: Make) -> None:
    async with file.served():
        assert "is in use by another process" in await refused(file, make("sqlite"))


async def test_a_database_that_replicas_serve_from_is_not_moved(database: Store, make: Make) -> None:
    async with database.served() as inbox:
        await inbox.beat(life=30.0)
        said = await refused(database, make("sqlite"))
        assert "1 replicas serve from postgresql://" in said
    assert await database.move(make("sqlite")) is not None


async def test_an_inbox_is_not_moved_to_itself_by_another_name(database: Store) -> None:
    await lived(database)
    said = await refused(database, Store(database.url.replace("127.0.0.1", "localhost")))
    assert said == "FROM and TO are the same inbox"
    assert database.rows("SELECT * FROM arrivals") == []


async def test_a_file_that_is_not_there_is_not_made(file: Store, make: Make) -> None:
    with pytest.raises(InboxError, match="there is no inbox"):
        await file.move(make("sqlite"))
    assert file.path is not None
    assert list(file.path.parent.glob(f"{file.path.name}*")) == []


async def test_an_older_schema_is_brought_up_to_date_by_the_service(
    file: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[:4])
        await file.made()
    with pytest.raises(InboxError, match=r"has schema 4.*start it once"):
        await file.move(make("sqlite"))


async def test_what_a_newer_version_stores_is_not_left_behind(file: Store, make: Make) -> None:
    await lived(file)
    file.rows(f"UPDATE schema_version SET version = {len(statements.MIGRATIONS) + 1}")
    assert "move it with the newer version" in await refused(file, make("sqlite"))


async def test_a_target_that_cannot_be_had_leaves_everything_as_it_was(file: Store) -> None:
    await lived(file)
    assert "cannot be connected to" in await refused(file, Store("postgresql://nobody@127.0.0.1:1/inbox"))
    await file.made()
