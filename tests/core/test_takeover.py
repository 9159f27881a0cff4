"""What follows from a new configuration: the table, and the laws that hold for any two."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from actors.core.robot import Cause, Parked
from actors.core.takeover import Plan, plan, settled


@dataclass(frozen=True)
class Config:
    """A configuration as these rules see it: comes from somewhere, and can be compared."""

    element: str
    content: str = "as ever"


def planned(served: dict[str, Config], wanted: dict[str, Config], *broken: Parked) -> Plan[Config]:
    return plan(served, wanted, broken, lambda config: config.element)


def fault(element: str, robot: str = "") -> Parked:
    return Parked(robot or element, element, "", Cause.UNREADABLE, (f"{element}: is no JSON",))


NOTHING: Plan[Config] = Plan({}, {}, (), {}, ())
A, B = Config("imRobots.a"), Config("imRobots.b")
OTHER = Config("imRobots.a", "something else")


def test_what_is_as_it_was_is_left_alone() -> None:
    assert planned({"ding-a": A}, {"ding-a": A}) == NOTHING


def test_who_is_new_is_added() -> None:
    assert planned({"ding-a": A}, {"ding-a": A, "ding-b": B}) == Plan({"ding-b": B}, {}, (), {}, ())


def test_who_is_not_there_any_more_is_removed() -> None:
    assert planned({"ding-a": A, "ding-b": B}, {"ding-a": A}) == Plan({}, {}, ("ding-b",), {}, ())


def test_who_is_configured_otherwise_is_changed() -> None:
    assert planned({"ding-a": A, "ding-b": B}, {"ding-a": OTHER, "ding-b": B}) == Plan(
        {}, {"ding-a": OTHER}, (), {}, ()
    )


def test_who_breaks_goes_on_and_is_told() -> None:
    broken = fault("imRobots.a")
    assert planned({"ding-a": A, "ding-b": B}, {"ding-b": B}, broken) == Plan({}, {}, (), {"ding-a": broken}, ())


def test_who_is_mended_to_what_it_was_is_left_alone() -> None:
    assert planned({"ding-a": A}, {"ding-a": A}).outdated == {}


def test_who_is_mended_otherwise_is_changed() -> None:
    assert planned({"ding-a": A}, {"ding-a": OTHER}).changed == {"ding-a": OTHER}


def test_who_is_broken_and_was_never_served_is_parked() -> None:
    assert planned({"ding-a": A}, {"ding-a": A}, fault("imRobots.b")).parked == (fault("imRobots.b"),)


def test_an_element_that_names_another_app_is_one_robot_less_and_one_more() -> None:
    assert planned({"ding-a": A}, {"ding-c": A}) == Plan({"ding-c": A}, {}, ("ding-a",), {}, ())


def test_a_robot_whose_element_is_renamed_stays() -> None:
    renamed = Config("imRobots.renamed")
    assert planned({"ding-a": A}, {"ding-a": renamed}) == Plan({}, {"ding-a": renamed}, (), {}, ())


def test_a_robot_that_moved_leaves_its_broken_element_behind() -> None:
    moved = Config("imRobots.new")
    assert planned({"ding-a": A}, {"ding-a": moved}, fault("imRobots.a")) == Plan(
        {}, {"ding-a": moved}, (), {}, (fault("imRobots.a"),)
    )


def test_a_parked_namesake_of_a_robot_that_goes_on_is_named_by_its_element() -> None:
    todo = planned({"ding-a": A}, {}, fault("imRobots.a", "ding-a"), fault("imRobots.twin", "ding-a"))
    assert [one.robot for one in todo.parked] == ["imRobots.twin"]
    assert list(todo.outdated) == ["ding-a"]


elements = st.sampled_from(["imRobots.a", "imRobots.b", "imRobots.c"])
configs = st.dictionaries(st.sampled_from("wxyz"), st.builds(Config, elements, st.sampled_from("12")), max_size=4)
faults = st.dictionaries(elements, st.sampled_from("wxyz"), max_size=3)


@given(configs, configs, faults)
def test_whoever_was_served_is_served_or_was_taken_away(
    served: dict[str, Config], wanted: dict[str, Config], faulty: dict[str, str]
) -> None:
    todo = planned(served, wanted, *(fault(element, robot) for element, robot in faulty.items()))
    assert set(served) - set(todo.removed) == (set(served) & set(wanted)) | set(todo.outdated)
    assert not {served[robot].element for robot in todo.removed} & set(faulty)


@given(configs, configs, faults)
def test_what_was_planned_and_done_leaves_nothing_to_do(
    served: dict[str, Config], wanted: dict[str, Config], faulty: dict[str, str]
) -> None:
    broken = [fault(element, robot) for element, robot in faulty.items()]
    todo = planned(served, wanted, *broken)
    left = {robot: config for robot, config in served.items() if robot not in todo.removed}
    again = planned({**left, **todo.added, **todo.changed}, wanted, *broken)
    assert again == Plan({}, {}, (), todo.outdated, todo.parked)


def test_a_look_counts_when_the_next_one_agrees() -> None:
    assert settled(None, "new", "new")
    assert settled("old", "new", "new")


def test_what_is_still_changing_does_not_count() -> None:
    assert not settled("old", "half", "new")
    assert not settled("old", None, "new")


def test_what_was_taken_over_does_not_count_again() -> None:
    assert not settled("new", "new", "new")
