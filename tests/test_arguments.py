"""
A wrong argument is refused before any request, with its value and the rule.
"""

from collections.abc import Callable
from typing import Any

import pytest

from chaosfailover import arguments
from chaosfailover.errors import ArgumentError


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        pytest.param(arguments.check_test, "", "test is ''", id="empty test"),
        pytest.param(arguments.check_test, 5, "test is 5", id="test that is a number"),
        pytest.param(arguments.check_test, "${test}", "does not define", id="unknown variable"),
        pytest.param(arguments.check_name, "ftj-drill", "'ftj-drill'", id="name like an ID"),
        pytest.param(arguments.check_name, "x" * 129, "129 characters", id="long name"),
        pytest.param(arguments.check_name, "https://x", "http://", id="name like a link"),
        pytest.param(arguments.check_description, "x" * 257, "257", id="long description"),
        pytest.param(arguments.check_description, "http://x", "http://", id="description as link"),
        pytest.param(arguments.check_description, 7, "is 7", id="description that is a number"),
        pytest.param(arguments.check_duration, 0, "is 0, expected", id="no duration"),
        pytest.param(arguments.check_duration, 4321, "1 to 4320", id="too long"),
        pytest.param(arguments.check_duration, 1.5, "is 1.5", id="half a minute"),
        pytest.param(arguments.check_duration, True, "is True", id="bool"),
        pytest.param(arguments.check_duration, "soon", "'soon'", id="word"),
        pytest.param(arguments.check_duration, float("nan"), "nan", id="not a number"),
        pytest.param(arguments.check_resource_type, "circuit", "BGPPEER", id="unknown type"),
        pytest.param(arguments.check_resource_type, None, "is None", id="no type"),
        pytest.param(arguments.check_resource_ids, "pc-a", "a list", id="text for a list"),
        pytest.param(arguments.check_resource_ids, [], "0 entries", id="empty list"),
        pytest.param(arguments.check_resource_ids, ["pc-a"] * 17, "17 entries", id="17 resources"),
        pytest.param(arguments.check_resource_ids, ["pc-a", "pc-a"], "pc-a", id="repeated"),
        pytest.param(arguments.check_resource_ids, ["i-abc"], "'i-abc'", id="server ID"),
        pytest.param(arguments.check_resource_ids, [None], "is None", id="no ID"),
        pytest.param(arguments.check_timeout, 0, "above 0", id="no time"),
        pytest.param(arguments.check_timeout, -1, "above 0", id="negative"),
        pytest.param(arguments.check_timeout, "inf", "above 0", id="endless"),
    ],
)
def test_wrong_value_is_refused(check: Callable[[Any], Any], value: Any, message: str) -> None:
    """The error names the value and the rule."""
    with pytest.raises(ArgumentError) as caught:
        check(value)

    assert message in str(caught.value)


def test_resource_of_another_type_is_refused() -> None:
    """A VBR cannot be tested as a circuit."""
    with pytest.raises(ArgumentError, match="'vbr-a', expected an ID of a PHYSICALCONNECTION"):
        arguments.check_resource_ids(["vbr-a"], "PHYSICALCONNECTION")


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        pytest.param(arguments.check_test, "ftj-1", "ftj-1", id="ID"),
        pytest.param(arguments.check_name, "演练 1", "演练 1", id="name in Chinese"),
        pytest.param(arguments.check_description, None, None, id="no description"),
        pytest.param(arguments.check_duration, "5", 5, id="duration from the environment"),
        pytest.param(arguments.check_duration, 4320, 4320, id="longest duration"),
        pytest.param(arguments.check_resource_ids, ["pc-a", "pc-b"], ["pc-a", "pc-b"], id="two"),
        pytest.param(arguments.check_timeout, "2.5", 2.5, id="timeout from the environment"),
    ],
)
def test_right_value_is_returned(check: Callable[[Any], Any], value: Any, expected: Any) -> None:
    """What is allowed comes back as it is sent."""
    actual = check(value)

    assert actual == expected


def test_resource_that_only_probes_read_is_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new type of resource is readable; a failover test takes no more types than before."""
    monkeypatch.setitem(arguments.RESOURCE_PREFIXES, "ROUTERINTERFACE", "ri-")

    assert arguments.check_resource_id("resource_id", "ri-1") == "ri-1"
    with pytest.raises(ArgumentError, match="resource_type is 'ROUTERINTERFACE', expected one of"):
        arguments.check_resource_type("ROUTERINTERFACE")
    with pytest.raises(ArgumentError, match="resource_ids is 'ri-1', expected an ID that begins"):
        arguments.check_resource_ids(["ri-1"])
