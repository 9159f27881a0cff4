"""What a person wrote, where it is shown again.

The law: nothing in it comes alive, neither as Markdown nor as a mention, link or card, and it reads as it was written.
So what means something is replaced by its full-width twin, which no parser takes for it, one character for one; the
result is as safe in plain text as in Markdown. This file knows nothing of agents' Markdown.
"""

import re

from actors.core.markdown.characters import cleaned, cut

_TWINS = str.maketrans("*_`[]<>#|~@\\&{}", "＊＿｀［］＜＞＃｜～＠＼＆｛｝")
_FIRST = str.maketrans("-+=.)", "－＋＝．）")
_BULLET = re.compile(r"[-+=]+|\d{1,9}[.)](?= |$)", re.ASCII)
_LINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def neutral(text: str, limit: int | None = None) -> str:
    """What a person wrote, on one line and harmless: see the package's documentation.

    Args:
        text: anything.
        limit: the most characters of the result, "…" included where something is left out.

    Raises:
        ValueError: the limit is less than 1.
    """
    line = " ".join(_BIDI.sub("", cleaned(text)).split())
    line = _LINK.sub(lambda mark: "：" if mark[0] == ":" else "．", line).translate(_TWINS)
    if bullet := _BULLET.match(line):
        line = bullet[0].translate(_FIRST) + line[bullet.end() :]
    return line if limit is None else cut(line, limit)
