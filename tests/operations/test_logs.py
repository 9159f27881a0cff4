"""Logs as an operator reads them, and every way that a secret has tried to get into them."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from dingtalk_stream.log import setup_default_logger

from actors import logs
from actors.redaction import MASK

SECRET = "s3cr/t+ä \"quoted\" 'both' \\ and=more&%"

log = logging.getLogger("actors.tests")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    """What was logged as JSON since the start, line by line."""
    logs.configure("INFO", "json", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def leave_only_ours() -> None:
    """Without pytest's own handlers, which raise where ours is to carry on."""
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, logs._Handler)]


# One object a line.


def test_an_event_is_one_json_object_with_its_fields(lines: Lines) -> None:
    log.info("connection opened", extra={"action": "connection_opened", "robot": "ding-shop", "connection": 0})
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "INFO",
        "logger": "actors.tests",
        "action": "connection_opened",
        "message": "connection opened",
        "robot": "ding-shop",
        "connection": 0,
    }


def test_an_exception_is_one_field_of_one_line(lines: Lines) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("turn failed", extra={"action": "turn_failed"})
    (line,) = lines()
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken")


def test_a_message_cannot_forge_a_second_line(lines: Lines) -> None:
    log.info('hello\n{"level": "CRITICAL"}')
    assert len(lines()) == 1


def test_extras_of_any_type_become_json(lines: Lines) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    cycle: list[Any] = []
    cycle.append(cycle)
    log.info("odd", extra={"odd": {1: (b"\xff", float("nan"), Mute(), {2.5})}, "cycle": cycle, "lone": "\ud800"})
    (line,) = lines()
    assert line["odd"] == {"1": ["b'\\xff'", "nan", "<Mute>", [2.5]]}


def test_arguments_that_do_not_fit_their_message_cost_neither_the_line_nor_the_secret(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.hide(SECRET)
    leave_only_ours()
    log.error("unknown exception", SECRET)  # noqa: PLE1205 - the SDK does just that
    (line,) = lines()
    assert line["message"].startswith("unknown exception")
    assert MASK in line["message"]
    assert capsys.readouterr().err == ""


def test_levels_below_the_configured_one_are_not_logged(lines: Lines) -> None:
    log.debug("too quiet")
    assert lines() == []


def test_configuring_again_replaces_the_former_way(written: io.StringIO) -> None:
    logs.configure("INFO", "json", written)
    logs.configure("INFO", "json", written)
    log.info("once")
    assert written.getvalue().count("once") == 1


def test_other_handlers_get_the_record_as_it_was(lines: Lines) -> None:
    logs.hide("hush")
    seen: list[logging.LogRecord] = []
    watcher = logging.Handler()
    watcher.emit = seen.append  # type: ignore[assignment, method-assign]
    logging.getLogger().addHandler(watcher)
    log.info("told %s", "hush", extra={"said": "hush"})
    assert seen[0].args == ("hush",)
    assert vars(seen[0])["said"] == "hush"


# For a person.


def test_the_console_shows_message_and_details_on_one_line(written: io.StringIO) -> None:
    logs.configure("INFO", "console", written)
    log.info("card created", extra={"action": "card_created", "robot": "ding-shop"})
    assert written.getvalue().endswith("INFO     card created  robot=ding-shop\n")


def test_the_console_has_colours_only_on_a_terminal(written: io.StringIO) -> None:
    terminal = Terminal()
    logs.configure("INFO", "console", written)
    log.info("plain")
    logs.configure("INFO", "console", terminal)
    log.info("painted")
    assert "\x1b[" not in written.getvalue()
    assert "\x1b[" in terminal.getvalue()


def test_the_console_shows_a_traceback_without_the_secret(written: io.StringIO) -> None:
    logs.hide(SECRET)
    logs.configure("INFO", "console", written)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    assert "Traceback" in written.getvalue()
    assert SECRET not in written.getvalue()


# Libraries.


LIBRARIES = [
    "websockets.client",
    "aiohttp.access",
    "dingtalk_stream.client",
    "markdown_it.rules",
    "asyncio",
]


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_are_heard_from_warning_up(written: io.StringIO, name: str, level: str) -> None:
    logs.configure(level, "json", written)
    library = logging.getLogger(name)
    former = library.level
    library.setLevel(logging.DEBUG)
    library.debug("a step of the parser")
    library.info("a frame with what a person wrote")
    library.warning("trouble")
    library.setLevel(former)
    assert [json.loads(line)["message"] for line in written.getvalue().splitlines()] == ["trouble"]


def test_an_agent_of_the_operators_own_is_heard_like_ourselves(lines: Lines) -> None:
    logging.getLogger("shop").info("three in stock")
    assert [line["message"] for line in lines()] == ["three in stock"]


def test_at_debug_our_own_details_are_heard(written: io.StringIO) -> None:
    logs.configure("DEBUG", "json", written)
    log.debug("a detail")
    assert "a detail" in written.getvalue()


def test_logs_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    log.info("hello")
    assert json.loads(capsys.readouterr().out)["message"] == "hello"


def test_the_sdks_own_handler_to_stderr_is_taken_away(written: io.StringIO) -> None:
    sdk = logging.getLogger("dingtalk_stream.client")
    sdk.addHandler(logging.StreamHandler())
    logs.configure("INFO", "json", written)
    assert sdk.handlers == []


def test_the_sdk_does_not_get_a_handler_back(written: io.StringIO) -> None:
    logs.configure("INFO", "json", written)
    assert setup_default_logger("dingtalk_stream.handler").handlers == []


# Secrets that this process knows.


class Confiding:
    def __repr__(self) -> str:
        return f"Confiding({SECRET!r})"


def fails_with(*arguments: object) -> None:
    try:
        raise KeyError(*arguments)
    except KeyError:
        log.exception("failed")


def fails_because_of() -> None:
    try:
        try:
            raise ValueError(f"wrong secret: {SECRET}")
        except ValueError as cause:
            raise RuntimeError("no token") from cause
    except RuntimeError:
        log.exception("failed")


def fails_while_handling() -> None:
    try:
        try:
            raise ValueError(SECRET)
        except ValueError:
            raise RuntimeError("another") from None
    except RuntimeError as error:
        log.error("failed: %r", error.__context__)


def fails_with_a_note() -> None:
    try:
        error = ValueError("noted")
        error.add_note(f"the secret was {SECRET}")
        raise ExceptionGroup("several", [error])
    except ExceptionGroup:
        log.exception("failed")


def with_ready_made_traceback() -> None:
    record = log.makeRecord(log.name, logging.ERROR, __file__, 1, "failed", (), None)
    record.exc_text = f"ValueError: {SECRET}"
    record.stack_info = f"File x, {SECRET}"
    log.handle(record)


def arguments_that_do_not_fit() -> None:
    leave_only_ours()
    log.info("%d", SECRET)


WAYS_OUT: dict[str, Callable[[], object]] = {
    "in the message": lambda: log.info(SECRET),
    "in an argument": lambda: log.info("secret: %s", SECRET),
    "in an argument's repr": lambda: log.info("secret: %r", SECRET),
    "in a named argument": lambda: log.info("%(secret)s", {"secret": SECRET}),
    "split by formatting": lambda: log.info("%s%s", SECRET[:5], SECRET[5:]),
    "in an extra": lambda: log.info("x", extra={"detail": SECRET}),
    "deep in an extra": lambda: log.info("x", extra={"detail": {"a": [({"b": {SECRET}},)]}}),
    "deeper than anybody nests": lambda: log.info("x", extra={"a": [[[[[[[[[[[[SECRET]]]]]]]]]]]]}),
    "in an extra's key": lambda: log.info("x", extra={"detail": {SECRET: 1}}),
    "in an object's repr": lambda: log.info("x", extra={"detail": Confiding()}),
    "in a list of objects": lambda: log.info("%s", [Confiding()]),
    "as bytes": lambda: log.info("sent %r", SECRET.encode()),
    "as bytes in an extra": lambda: log.info("x", extra={"detail": bytearray(SECRET.encode())}),
    "in a URL": lambda: log.info("GET /?secret=%s", quote(SECRET)),
    "in a URL, fully quoted": lambda: log.info("GET /?secret=%s", quote(SECRET, safe="")),
    "in a URL, quoted in lower case": lambda: log.info("GET /?s=%s", quote(SECRET, safe="").replace("%2F", "%2f")),
    "in a form": lambda: log.info("POST secret=%s", quote_plus(SECRET)),
    "in a URL within a URL": lambda: log.info("GET /?to=%s", quote(quote(SECRET, safe=""), safe="")),
    "in JSON": lambda: log.info(json.dumps({"note": SECRET})),
    "in JSON within JSON": lambda: log.info(json.dumps({"data": json.dumps({"note": SECRET})})),
    "in JSON, not escaped": lambda: log.info(json.dumps({"note": SECRET}, ensure_ascii=False)),
    "in JSON's repr": lambda: log.info("%r", json.dumps({"note": SECRET})),
    "in JSON as bytes": lambda: log.info("%r", json.dumps({"note": SECRET}).encode()),
    "in an exception": lambda: fails_with(SECRET),
    "in an exception's dict": lambda: fails_with({"note": SECRET}),
    "in a chained exception": fails_because_of,
    "in a suppressed exception": fails_while_handling,
    "in a note in a group": fails_with_a_note,
    "in a traceback made elsewhere": with_ready_made_traceback,
    "in arguments that do not fit": arguments_that_do_not_fit,
}


PARTS = ("s3cr", "quoted", "both", "more&")
"""Parts of the secret that no line may have, however the rest of it is spelled."""


@pytest.mark.parametrize("line_format", ["json", "console"])
@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_known_secret_does_not_get_out(written: io.StringIO, way: str, line_format: str) -> None:
    logs.hide(SECRET)
    logs.configure("INFO", line_format, written)
    WAYS_OUT[way]()
    assert MASK in written.getvalue()
    assert [part for part in PARTS if part in written.getvalue()] == []


def in_a_thread() -> None:
    thread = threading.Thread(target=lambda: int(SECRET), name="careless")
    thread.start()
    thread.join()


def in_the_main_thread() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)  # what the interpreter does at its end


@pytest.mark.parametrize("careless", [in_a_thread, in_the_main_thread])
def test_an_uncaught_exception_is_logged_cleaned(
    lines: Lines, capsys: pytest.CaptureFixture[str], careless: Callable[[], None]
) -> None:
    logs.hide(SECRET)
    logs.log_uncaught()
    careless()
    (line,) = lines()
    assert line["action"] == "uncaught_exception"
    assert MASK in line["exception"]
    assert "s3cr" not in line["exception"]
    assert capsys.readouterr().err == ""


class Dropped:
    def __del__(self) -> None:
        int(SECRET)


def test_an_exception_that_python_ignores_is_logged_cleaned(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.hide(SECRET)
    logs.log_uncaught()
    Dropped()
    (line,) = lines()
    assert line["action"] == "exception_ignored"
    assert MASK in line["exception"]
    assert "s3cr" not in line["exception"]
    assert capsys.readouterr().err == ""


def test_a_warning_is_logged_cleaned(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logs.hide(SECRET)
    logs.log_uncaught()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(SECRET, stacklevel=1)
    (line,) = lines()
    assert (line["level"], MASK in line["message"]) == ("WARNING", True)
    assert capsys.readouterr().err == ""


def test_a_thread_that_ends_itself_is_no_news(lines: Lines) -> None:
    logs.log_uncaught()
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert lines() == []
