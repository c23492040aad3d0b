"""
The parameters of each operation as tables: name, kind, rule, and how sure we are of them.

`read` turns the strings of a request into arguments, or refuses.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaosfailover.emulator.refusals import Refusal, illegal, invalid, missing

__all__ = ["OPERATIONS", "WRITES", "Filter", "Known", "Parameter", "read"]

Known = Literal["documented", "inferred", "not done"]
Filter = tuple[str, tuple[str, ...]]
Values = Mapping[str, str]


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of an operation.

    `known` says where the rule comes from: `documented`, `inferred`, or `not done` for one that
    is accepted and ignored.
    """

    name: str
    kind: str = "string"
    required: bool = False
    rule: Callable[[Any], bool] | None = None
    known: Known = "documented"
    note: str = ""


def text(longest: int) -> Callable[[str], bool]:
    """
    Make the rule of Name and Description: length, and no URL at the start.
    """
    return lambda value: len(value) <= longest and not value.startswith(("http://", "https://"))


def within(least: int, most: int) -> Callable[[int], bool]:
    """
    Make the rule of a number from `least` to `most`.
    """
    return lambda value: least <= value <= most


def one_of(*literals: str) -> Callable[[str], bool]:
    """
    Make the rule of a literal.
    """
    return lambda value: value in literals


REGION = Parameter("RegionId", note="without it, the endpoint's own region")
REGION_REQUIRED = Parameter("RegionId", required=True)
TOKEN = Parameter(
    "ClientToken", rule=lambda value: len(value) <= 64 and value.isascii(), note="64 ASCII letters"
)
JOB_ID = Parameter("JobId", required=True)
NAME = Parameter("Name", rule=text(128), note="128 letters, no URL at the start")
DESCRIPTION = Parameter("Description", rule=text(256), note="256 letters, no URL at the start")
DRY_RUN = Parameter("DryRun", "boolean")
DURATION = Parameter("JobDuration", "integer", rule=within(1, 4320), note="minutes, 1 to 4320")
RESOURCES = Parameter("ResourceId", "list", rule=lambda ids: len(ids) <= 16, note="16 at most")
IGNORED = tuple(
    Parameter(name, known="not done", note="accepted and ignored, as it is undocumented")
    for name in ("OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")
)
JOB = (REGION, TOKEN, JOB_ID, *IGNORED)
PAGE = (
    Parameter("PageNumber", "integer", rule=within(1, 2**31 - 1), note="default 1"),
    Parameter("PageSize", "integer", rule=within(1, 50), note="default 10, 50 at most"),
)
FILTER = Parameter("Filter", "filters", note="5 keys and 5 values each at most")
TAGS = Parameter("Tags", "tags", note="20 at most; all must match")
GROUP_ID = Parameter("ResourceGroupId")
ROUTER = (
    Parameter("RouterId"),
    Parameter("BgpGroupId"),
    Parameter("IsDefault", "boolean", known="not done", note="accepted and ignored"),
)

OPERATIONS: dict[str, tuple[Parameter, ...]] = {
    "CreateFailoverTestJob": (
        REGION,
        TOKEN,
        Parameter(
            "ResourceType", required=True, note="PHYSICALCONNECTION, VIRTUALBORDERROUTER, BGPPEER"
        ),
        Parameter("ResourceId", "list", True, RESOURCES.rule, note=RESOURCES.note),
        Parameter("JobType", required=True, rule=one_of("StartNow", "StartLater")),
        Parameter("JobDuration", "integer", True, DURATION.rule, note=DURATION.note),
        NAME,
        DESCRIPTION,
        DRY_RUN,
        *IGNORED,
    ),
    "StartFailoverTestJob": JOB,
    "StopFailoverTestJob": JOB,
    "UpdateFailoverTestJob": (
        REGION,
        TOKEN,
        JOB_ID,
        NAME,
        DESCRIPTION,
        RESOURCES,
        DURATION,
        DRY_RUN,
        *IGNORED,
    ),
    "DeleteFailoverTestJob": JOB,
    "DescribeFailoverTestJob": JOB,
    "DescribeFailoverTestJobs": (
        REGION,
        TOKEN,
        Parameter("MaxResults", "integer", rule=within(1, 100), note="default 20, 100 at most"),
        Parameter("NextToken"),
        FILTER,
        *IGNORED,
    ),
    "DescribePhysicalConnections": (
        REGION_REQUIRED,
        TOKEN,
        FILTER,
        Parameter("IncludeReservationData", "boolean", known="not done", note="there is none"),
        GROUP_ID,
        TAGS,
        *PAGE,
        *IGNORED,
    ),
    "DescribeVirtualBorderRouters": (
        REGION_REQUIRED,
        FILTER,
        Parameter("IncludeCrossAccountVbr", "boolean"),
        GROUP_ID,
        TAGS,
        *PAGE,
        *IGNORED,
    ),
    "DescribeVirtualBorderRoutersForPhysicalConnection": (
        REGION_REQUIRED,
        Parameter("PhysicalConnectionId", required=True),
        FILTER,
        *PAGE,
        *IGNORED,
    ),
    "DescribeBgpGroups": (REGION_REQUIRED, *ROUTER, *PAGE, *IGNORED),
    "DescribeBgpPeers": (REGION_REQUIRED, *ROUTER, Parameter("BgpPeerId"), *PAGE, *IGNORED),
    "DescribeRegions": (
        Parameter("AcceptLanguage", note="zh-CN or en-US", known="not done"),
        Parameter("ProductType", known="not done", note="accepted and ignored"),
        *IGNORED,
    ),
}

WRITES = frozenset(name for name in OPERATIONS if not name.startswith("Describe"))


def read(operation: str, values: Values) -> dict[str, Any]:
    """
    Read the arguments of an operation, by parameter name; absent ones are absent.

    Refuses first what is missing, then what has the wrong type, then what is out of range.
    """
    parameters = [each for each in OPERATIONS[operation] if each.known != "not done"]
    found = {each.name: READERS[each.kind](each.name, values) for each in parameters}
    for each in parameters:
        if each.required and found[each.name] in (None, "", ()):
            raise missing(each.name)
    arguments: dict[str, Any] = {}
    for each in parameters:
        value = found[each.name]
        if isinstance(value, Refusal):
            raise value
        if value is not None:
            arguments[each.name] = value
    for each in parameters:
        if each.rule and each.name in arguments and not each.rule(arguments[each.name]):
            raise illegal(each.name)
    return arguments


def _string(name: str, values: Values) -> str | None:
    return values.get(name)


def _integer(name: str, values: Values) -> int | Refusal | None:
    if (value := values.get(name)) in (None, ""):
        return None
    return int(value) if re.fullmatch("-?[0-9]{1,18}", str(value)) else invalid(name)


def _boolean(name: str, values: Values) -> bool | Refusal | None:
    if (value := values.get(name)) in (None, ""):
        return None
    return {"true": True, "false": False}.get(str(value).lower(), invalid(name))


def _list(name: str, values: Values) -> tuple[str, ...] | None:
    found = _numbered(name, values)
    return tuple(found[number] for number in sorted(found)) or None


def _filters(name: str, values: Values) -> tuple[Filter, ...] | Refusal | None:
    numbers = sorted(_numbered(name, values, ".Key"))
    found = tuple(
        (values[f"{name}.{number}.Key"], _list(f"{name}.{number}.Value", values) or ())
        for number in numbers
    )
    keys = [key for key, _ in found]
    too_many = len(keys) > 5 or any(len(each) > 5 for _, each in found)
    return illegal(name) if too_many or len(set(keys)) < len(keys) else found or None


def _tags(name: str, values: Values) -> tuple[tuple[str, str | None], ...] | Refusal | None:
    keys = _numbered(name, values, ".Key")
    found = tuple((keys[number], values.get(f"{name}.{number}.Value")) for number in sorted(keys))
    return illegal(name) if len(found) > 20 or any(not key for key, _ in found) else found or None


def _numbered(name: str, values: Values, after: str = "") -> dict[int, str]:
    pattern = re.compile(rf"{re.escape(name)}\.([1-9][0-9]{{0,3}}){re.escape(after)}")
    matches = ((pattern.fullmatch(key), value) for key, value in values.items())
    return {int(match[1]): value for match, value in matches if match}


READERS: dict[str, Callable[[str, Values], Any]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
    "filters": _filters,
    "tags": _tags,
}
