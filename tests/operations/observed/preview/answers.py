"""What a panel's queries were answered, the names of the series, and how the panel wants them shown. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.operations.observed.preview.canvas import PALETTE, colour
from tests.operations.observed.prometheus import Series

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """One series with the name that the legend has for it."""

    name: str
    series: Series


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as the dashboard has it, and its answers. `since` and `until` are the time shown, in seconds."""

    json: Json
    answers: Sequence[Named]
    since: float
    until: float

    @property
    def title(self) -> str:
        return str(self.json["title"])

    @property
    def defaults(self) -> Json:
        """How fields are shown where nothing else is said."""
        return dict(self.json["fieldConfig"]["defaults"])

    @property
    def custom(self) -> Json:
        """What only this kind of panel knows."""
        return dict(self.defaults.get("custom", {}))

    @property
    def options(self) -> Json:
        return dict(self.json.get("options", {}))

    @property
    def unit(self) -> str:
        return str(self.defaults.get("unit", "none"))

    @property
    def decimals(self) -> int | None:
        found = self.defaults.get("decimals")
        return None if found is None else int(found)

    @property
    def steps(self) -> list[tuple[float | None, str]]:
        """The thresholds: the colour from each value on."""
        steps = self.defaults.get("thresholds", {}).get("steps", ())
        return [(step.get("value"), colour(step["color"])) for step in steps]

    def override(self, name: str, what: str) -> Any:
        """What is said of the field of this name alone, or None."""
        for override in self.json["fieldConfig"].get("overrides", ()):
            matcher = override["matcher"]
            said = str(matcher.get("options", ""))
            by_name = matcher["id"] == "byName" and said == name
            by_pattern = matcher["id"] == "byRegexp" and re.search(said.strip("/"), name)
            for change in override["properties"] if by_name or by_pattern else ():
                if change["id"] == what:
                    return change["value"]
        return None

    def coloured(self, value: float) -> str:
        """The colour that the thresholds give a value."""
        reached = [shade for least, shade in self.steps if least is None or value >= least]
        return reached[-1] if reached else PALETTE[5]

    def colours(self) -> Mapping[str, str]:
        """The colour of each series."""
        names = list(dict.fromkeys(named.name for named in self.answers))
        mode = self.defaults.get("color", {})
        one = mode.get("fixedColor") if mode.get("mode") in {"fixed", "shades"} else None
        given = {}
        for place, name in enumerate(sorted(names)):
            own = (self.override(name, "color") or {}).get("fixedColor")
            plain = shaded(colour(one), place) if one else PALETTE[place % len(PALETTE)]
            given[name] = colour(own) if own else plain
        return given


def shaded(of: str, place: int) -> str:
    """One of several shades of a colour."""
    share = (1.0, 0.7, 0.5, 0.85, 0.6)[place % 5]
    return "#" + "".join(f"{round(int(of[at : at + 2], 16) * share):02x}" for at in (1, 3, 5))


def named(legend: str, series: Series) -> Named:
    """A series, called as the query's legend says: labels in `{{}}`."""
    labels = series.labels
    name = re.sub(r"{{ *(\w+) *}}", lambda found: str(labels.get(found.group(1), "")), legend)
    return Named(name or ", ".join(value for label, value in sorted(labels.items()) if label != "__name__"), series)
