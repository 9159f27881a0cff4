"""Placeholder until merged."""


def presentable(text: str, *, growing: bool = False) -> str:
    return text


def neutral(text: str, limit: int | None = None) -> str:
    line = " ".join(text.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"
