"""Immutable records: equal by what they hold, and shown without what is not to be shown."""

from dataclasses import field, replace

from actors.core.frozen import frozen


@frozen
class Parcel:
    """Something sent."""

    to: str
    weight: float = 1.0
    code: str = field(default="", repr=False)
    seen: int = field(default=0, compare=False)


@frozen
class Letter:
    """Something else, with the same fields."""

    to: str
    weight: float = 1.0


@frozen
class Nothing:
    """Nothing but a name."""


@frozen
class Called:
    """Shown in its own way."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


def test_what_holds_the_same_is_equal_and_one_key() -> None:
    assert {Parcel("you"): 1}[Parcel("you", 1.0)] == 1
    assert Parcel("you") != Parcel("me")


def test_another_kind_that_holds_the_same_is_not_equal() -> None:
    letter: object = Letter("you")
    assert Parcel("you") != letter


def test_what_is_not_to_be_compared_makes_no_difference() -> None:
    assert Parcel("you", seen=1) == Parcel("you", seen=2)
    assert hash(Parcel("you", seen=1)) == hash(Parcel("you", seen=2))


def test_records_without_fields_are_all_the_same() -> None:
    assert {Nothing(), Nothing()} == {Nothing()}


def test_one_is_shown_by_its_fields_without_those_that_are_secret() -> None:
    assert repr(Parcel("you", code="hush")) == "Parcel(to='you', weight=1.0, seen=0)"


def test_a_way_of_its_own_to_be_shown_is_kept() -> None:
    assert repr(Called("Li")) == "<Li>"


def test_it_is_a_dataclass() -> None:
    match replace(Parcel("you"), weight=2.0):
        case Parcel(to, weight):
            assert (to, weight) == ("you", 2.0)


def test_it_has_no_room_for_anything_else() -> None:
    assert not hasattr(Parcel("you"), "__dict__")
