"""How a value is written in each of the units that the panels have, as Grafana would. Pure."""

import math
from datetime import UTC, datetime

_SHORT = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_BYTES = ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"))
_SECONDS = ((86400.0, " d"), (3600.0, " h"), (60.0, " min"), (1.0, " s"), (1e-3, " ms"), (1e-6, " µs"))


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit; `decimals` as the panel has them, or as few as are needed."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    match unit:
        case "percentunit":
            return f"{_plain(value * 100, decimals)} %"
        case "s":
            return _scaled(value, _SECONDS, decimals)
        case "bytes":
            return _scaled(value, _BYTES, decimals)
        case "short":
            return _scaled(value, _SHORT, decimals)
        case "dateTimeAsIso":
            return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        case "none":
            return _plain(value, decimals)
    return f"{_plain(value, decimals)}{unit.removeprefix('suffix:')}"


def _scaled(value: float, scale: tuple[tuple[float, str], ...], decimals: int | None) -> str:
    if value == 0:
        return f"0{' s' if scale is _SECONDS else ''}"
    for size, name in scale:
        if abs(value) >= size * (1 - 1e-9):
            return f"{_plain(value / size, decimals)}{name}"
    return _plain(value, decimals)


def _plain(value: float, decimals: int | None) -> str:
    if decimals is None:
        decimals = 0 if abs(value) >= 100 or value == round(value) else 1 if abs(value) >= 10 else 2
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value + 0.0 if round(value, decimals) else 0:.{decimals}f}"
