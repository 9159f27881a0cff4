"""Logging: one JSON object a line on stdout, or lines for a person, or what is said to a host's log; and no secret gets
out through it.

Every record is copied, and the copy is cleaned in all its parts after formatting: message, extras, traceback. Nothing
here knows which part logs what, nor what a secret looks like.
"""

import copy
import logging
import sys
import threading
import traceback
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from actors.redaction import clean, hide, plain, text_of

__all__ = ["Listener", "configure", "hide", "log_uncaught", "relay"]

log = logging.getLogger(__name__)

LIBRARIES = frozenset(
    {"aiohttp", "asyncio", "dingtalk_stream", "markdown_it", "pykka", "requests", "urllib3", "websockets"}
)
"""What we stand on is heard from WARNING up: below it libraries log requests, frames and tickets, and drown what we
and an agent of the operator's own say. Their levels are not enough for that: dingtalk-stream sets its own to INFO."""

_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def configure(level: str, line_format: str, stream: TextIO | None = None) -> None:
    """Log to stdout, or to the stream, from `level` (such as `INFO`) up, as `json` or `console`; what libraries
    say, from WARNING up at least. A second call replaces the first."""
    stream = stream or sys.stdout
    handler = _Handler(stream, _Json() if line_format == "json" else _Console(coloured=stream.isatty()))
    root = logging.getLogger()
    for former in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in [name for name in root.manager.loggerDict if _package(name) == "dingtalk_stream"]:
        logging.getLogger(name).handlers.clear()  # the SDK gives its loggers a handler to stderr


class Listener(Protocol):
    """The log of a host that we live in; Python's loggers are such, and so is whatever else takes a sentence."""

    def info(self, text: str, /) -> object: ...

    def warning(self, text: str, /) -> object: ...

    def error(self, text: str, /) -> object: ...


def relay(listener: Listener) -> None:
    """Say what this package logs, from INFO up, to a host's log, and to nobody else; nothing of the host's own logging
    is changed. A second call replaces the first."""
    ours = logging.getLogger(__package__)
    for former in [handler for handler in ours.handlers if isinstance(handler, _Relay)]:
        ours.removeHandler(former)
    ours.addHandler(_Relay(listener))
    ours.setLevel(logging.INFO)
    ours.propagate = False


def log_uncaught() -> None:
    """Log the exceptions that nobody caught, in any thread and while something is thrown away, and warnings; else
    Python prints them to stderr as they are."""

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.critical("uncaught exception", exc_info=(kind, error, trace), extra={"action": "uncaught_exception"})

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:  # a thread's own way to end
            in_main(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)

    def nowhere(args: "sys.UnraisableHookArgs") -> None:
        kind, error, trace = args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        log.error("an exception was ignored", exc_info=(kind, error, trace), extra={"action": "exception_ignored"})

    sys.excepthook = in_main
    threading.excepthook = in_thread
    sys.unraisablehook = nowhere
    logging.captureWarnings(capture=True)


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self.addFilter(lambda record: record.levelno >= logging.WARNING or _package(record.name) not in LIBRARIES)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_cleaned(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: the stream is gone, and the inherited report on stderr would show the record as it was."""


class _Relay(logging.Handler):
    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        safe = _cleaned(record)
        text = "\n".join(filter(None, [f"{safe.getMessage()}  {_details(safe)}", safe.exc_text, safe.stack_info]))
        try:
            if record.levelno >= logging.ERROR:
                self._listener.error(text)
            elif record.levelno >= logging.WARNING:
                self._listener.warning(text)
            else:
                self._listener.info(text)
        except Exception:  # noqa: BLE001, S110 - the host's log failed: there is nobody left to tell
            pass


class _Json(JsonFormatter):
    def __init__(self) -> None:
        names = {
            "asctime": "time",
            "levelname": "level",
            "name": "logger",
            "exc_info": "exception",
            "stack_info": "stack",
        }
        super().__init__(["asctime", "levelname", "name", "action", "message"], rename_fields=names)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _local_time(record).isoformat(timespec="milliseconds")

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in log_data.items() if value is not None}


class _Console(logging.Formatter):
    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        time = _local_time(record).strftime("%H:%M:%S")
        level = self._paint(_COLOURS.get(record.levelname, "0"), f"{record.levelname:<8}")
        details = _details(record, without="action")
        line = f"{time} {level} {record.getMessage()}"
        parts = [f"{line}  {self._paint('2', details)}" if details else line, record.exc_text, record.stack_info]
        return "\n".join(filter(None, parts)).encode("utf-8", "backslashreplace").decode()

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text


def _package(logger: str) -> str:
    return logger.split(".", maxsplit=1)[0]


def _local_time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created).astimezone()


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in RESERVED_ATTRS}


def _details(record: logging.LogRecord, *, without: str = "") -> str:
    return " ".join(f"{key}={value}" for key, value in _extras(record).items() if key != without)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit their text, in a library's call: show both
        return f"{text_of(record.msg)} {text_of(record.args)}"


def _cleaned(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that is safe to format; other handlers get the record as it was."""
    trace = record.exc_text
    if record.exc_info and record.exc_info[0]:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip()
    safe = copy.copy(record)
    safe.msg, safe.args = clean(_message(record)), None
    safe.exc_info, safe.exc_text = None, clean(trace) if trace else None
    safe.stack_info = clean(record.stack_info) if record.stack_info else None
    vars(safe).update(plain(_extras(record)))
    return safe
