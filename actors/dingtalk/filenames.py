"""What a file is called here, whatever somebody in a chat called it. Pure; it knows nothing of where a file comes from.

The law: a name leads nowhere but into the folder it is put in, shows what it is, and fits any file system.
"""

import re
import unicodedata
from pathlib import PurePosixPath

MOST_BYTES = 120
"""The longest name, in UTF-8; file systems take 255."""

_LONGEST_SUFFIX = 16
_TROUBLESOME = frozenset('<>:"|?*')
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"GIF8", ".gif"),
    (8, b"WEBP", ".webp"),
    (0, b"BM", ".bmp"),
    (0, b"#!AMR", ".amr"),
    (0, b"OggS", ".ogg"),
    (0, b"ID3", ".mp3"),
    (8, b"WAVE", ".wav"),
    (4, b"ftypheic", ".heic"),
    (4, b"ftypM4A", ".m4a"),
    (4, b"ftyp", ".mp4"),
)


def safe_name(name: str) -> str:
    """The name without folders, control characters, invisible ones (which can reverse what is read), and what some
    system forbids; `file` if nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(letter for letter in unicodedata.normalize("NFC", last) if _harmless(letter)).strip(" .")
    stem, suffix = PurePosixPath(kept).stem, PurePosixPath(kept).suffix
    if len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, suffix = kept, ""
    short = stem.encode()[: MOST_BYTES - len(suffix.encode())].decode(errors="ignore").strip(" .")
    return f"{short}{suffix}" if short else "file"


def recognised(name: str, head: bytes) -> str:
    """The name with the ending of what the file is, by its first bytes: DingTalk calls every file `….file`, and back
    ends tell what they can read by the ending. A file that is not recognised keeps its name."""
    for offset, signature, suffix in _SIGNATURES:
        if head[offset:].startswith(signature):
            return PurePosixPath(name).stem + suffix
    return name


def is_page(head: bytes) -> bool:
    """Whether a file that begins so is a web page."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html"))


def _harmless(letter: str) -> bool:
    return letter not in _TROUBLESOME and unicodedata.category(letter)[0] != "C" and letter not in "\u2028\u2029"
