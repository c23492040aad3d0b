"""
Parameters of operations, and how the strings of a request become arguments or a refusal.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

from chaosfailover.emulator.error_codes import Refusal, illegal, invalid, missing

__all__ = ["Arguments", "Filter", "Parameter", "Source", "Tag", "arguments_from"]

Source = Literal["documented", "inferred", "not done"]
Filter = tuple[str, tuple[str, ...]]
"""
A key and its alternative values.
"""
Tag = tuple[str, str | None]
Values = Mapping[str, str]


class Arguments(TypedDict, total=False):
    """
    The arguments of a call; each operation has some of them.
    """

    AsPath: str
    AssociationId: str
    AssociationNodeType: str
    AssociationRegionId: str
    BgpGroupId: str
    BgpPeerId: str
    BusinessStatus: str
    CenId: str
    ChildInstanceId: str
    ChildInstanceRegionId: str
    ChildInstanceType: str
    ClientToken: str
    Community: str
    CustomerGatewayId: str
    Description: str
    DestCidrBlockList: tuple[str, ...]
    DestinationCidrBlock: str
    Dimensions: str
    DryRun: bool
    EcrId: str
    EndTime: str
    Filter: tuple[Filter, ...]
    IncludeCrossAccountVbr: bool
    InstanceId: str
    IpVersion: str
    IsDefault: bool
    JobDuration: int
    JobId: str
    JobType: str
    Length: int
    MaxResult: int
    MaxResults: int
    MetricName: str
    Name: str
    Namespace: str
    NextHopId: str
    NextHopType: str
    NextToken: str
    NexthopInstanceId: str
    PageNumber: int
    PageSize: int
    Period: str
    PhysicalConnectionId: str
    QueryRegionId: str
    RegionId: str
    ResourceGroupId: str
    ResourceId: tuple[str, ...]
    ResourceType: str
    RouteEntryId: str
    RouteEntryName: str
    RouteEntryType: str
    RouteFilter: tuple[Filter, ...]
    RouteTableId: str
    RouteTableName: str
    RouteTableType: str
    RouterId: str
    RouterType: str
    ServiceType: str
    StartTime: str
    Status: str
    Tag: tuple[Tag, ...]
    Tags: tuple[Tag, ...]
    TransitRouterAttachmentId: str
    TransitRouterAttachmentResourceId: str
    TransitRouterAttachmentResourceType: str
    TransitRouterId: str
    TransitRouterName: str
    TransitRouterRouteEntryDestinationCidrBlock: str
    TransitRouterRouteEntryIds: tuple[str, ...]
    TransitRouterRouteEntryNames: tuple[str, ...]
    TransitRouterRouteEntryNextHopId: str
    TransitRouterRouteEntryNextHopResourceId: str
    TransitRouterRouteEntryNextHopResourceType: str
    TransitRouterRouteEntryNextHopType: str
    TransitRouterRouteEntryOriginResourceId: str
    TransitRouterRouteEntryOriginResourceType: str
    TransitRouterRouteEntryStatus: str
    TransitRouterRouteEntryType: str
    TransitRouterRouteTableId: str
    TransitRouterRouteTableIds: tuple[str, ...]
    TransitRouterRouteTableNames: tuple[str, ...]
    TransitRouterRouteTableStatus: str
    TransitRouterRouteTableType: str
    Type: str
    VbrHaId: str
    VbrId: str
    VbrInstanceId: str
    VbrInstanceRegionId: str
    VpcId: str
    VpnConnectionId: str
    VpnGatewayId: str


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of an operation.

    `source` is where the rule comes from; a parameter that is `not done` is accepted and ignored.
    """

    name: str
    kind: str = "string"
    required: bool = False
    rule: Callable[[Any], bool] | None = None
    source: Source = "documented"
    note: str = ""


def arguments_from(table: Iterable[Parameter], values: Values) -> Arguments:
    """
    Read the arguments of a call by parameter name; absent parameters stay absent.

    Missing parameters are refused first, then wrong types, then values out of range.
    """
    parameters = [each for each in table if each.source != "not done"]
    readings = {each.name: READERS[each.kind](each.name, values) for each in parameters}
    for each in parameters:
        if each.required and readings[each.name] in (None, "", ()):
            raise missing(each.name)
    for reading in readings.values():
        if isinstance(reading, Refusal):
            raise reading
    arguments = {name: reading for name, reading in readings.items() if reading is not None}
    for each in parameters:
        if each.rule and each.name in arguments and not each.rule(arguments[each.name]):
            raise illegal(each.name)
    return cast("Arguments", arguments)


def _integer(name: str, values: Values) -> int | Refusal | None:
    if not (value := values.get(name)):
        return None
    return int(value) if re.fullmatch("-?[0-9]{1,18}", value) else invalid(name)


def _boolean(name: str, values: Values) -> bool | Refusal | None:
    if not (value := values.get(name)):
        return None
    return {"true": True, "false": False}.get(value.lower(), invalid(name))


def _list(name: str, values: Values) -> tuple[str, ...] | None:
    items = _numbered(name, values)
    return tuple(items[number] for number in sorted(items)) or None


def _filters(name: str, values: Values) -> tuple[Filter, ...] | Refusal | None:
    keys = _numbered(name, values, ".Key")
    filters = tuple(
        (keys[number], _list(f"{name}.{number}.Value", values) or ()) for number in sorted(keys)
    )
    too_many = len(filters) > 5 or any(len(alternatives) > 5 for _, alternatives in filters)
    doubled = len(set(keys.values())) < len(keys)
    return illegal(name) if too_many or doubled else filters or None


def _tags(name: str, values: Values) -> tuple[Tag, ...] | Refusal | None:
    keys = _numbered(name, values, ".Key")
    tags = tuple((keys[number], values.get(f"{name}.{number}.Value")) for number in sorted(keys))
    return illegal(name) if len(tags) > 20 or any(not key for key, _ in tags) else tags or None


def _numbered(name: str, values: Values, after: str = "") -> dict[int, str]:
    pattern = re.compile(rf"{re.escape(name)}\.([1-9][0-9]{{0,3}}){re.escape(after)}")
    matches = ((pattern.fullmatch(key), value) for key, value in values.items())
    return {int(match[1]): value for match, value in matches if match}


READERS: dict[str, Callable[[str, Values], object]] = {
    "string": lambda name, values: values.get(name),
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
    "filters": _filters,
    "tags": _tags,
}
