"""
CloudMonitor: the traffic of VBRs as metrics, late by the setting `metric_delay`.

A point has the timestamp at which its period begins, and the average of the period as its Value.
"""

import json
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from time import strptime
from typing import Literal, NamedTuple, cast

from chaosfailover.emulator.error_codes import illegal
from chaosfailover.emulator.loads import HISTORY, Rates
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import token_for, token_value
from chaosfailover.emulator.resources import VBR, Resource

__all__ = ["HANDLERS", "PERIODS"]

PERIODS = {"60": 31, "300": 91, "900": 91}
"""
Period in seconds -> for how many days its points are kept.
"""
LATEST = 7200.0
Dimensions = Mapping[str, str]


class Metric(NamedTuple):
    """
    A metric; `value` makes it from the averages of a period.

    One that is `checked` exists for VBRs with a health check only.
    """

    unit: str
    description: str
    value: Callable[[Rates], float]
    checked: bool = False


BITS_OF_A_PACKET = 8000.0
IN: Callable[[Rates], float] = attrgetter("inward")
OUT: Callable[[Rates], float] = attrgetter("outward")
LOSS = Metric("%", "lost health checks", lambda rates: 100 * rates.loss, checked=True)
METRICS: dict[str, dict[str, Metric]] = {
    "acs_physical_connection": {
        "RateInFromIDCToVpc": Metric("bit/s", "rate, data center to VPC", IN),
        "RateOutFromVpcToIDC": Metric("bit/s", "rate, VPC to data center", OUT),
        "PkgsInFromIDCToVpc": Metric(
            "Count/s", "packets, data center to VPC", lambda rates: rates.inward / BITS_OF_A_PACKET
        ),
        "PkgsOutFromVpcToIDC": Metric(
            "Count/s", "packets, VPC to data center", lambda rates: rates.outward / BITS_OF_A_PACKET
        ),
        "VbrHealthyCheckLossRate": LOSS,
    },
    "acs_cen": {
        "VBRInternetInRate": Metric("bit/s", "rate, VBR to transit router", IN),
        "VBRInternetOutRate": Metric("bit/s", "rate, transit router to VBR", OUT),
        "VBRHealthyCheckLossRate": LOSS,
    },
}
DIMENSIONS = {
    "acs_physical_connection": ("userId", "instanceId"),
    "acs_cen": ("userId", "cenId", "vbrInstanceId"),
}
"""
Namespace -> its metrics; namespace -> the names of its dimensions.
"""


def metric_list(call: Call) -> Document:
    """
    List the points of a metric in time order, by pages of Length.
    """
    end = _instant(call, "EndTime", call.now)
    query = _query(call, _instant(call, "StartTime", end - 86400.0), end)
    size = call.arguments.get("Length", 1000)
    token = call.arguments.get("NextToken")
    first = token_value(token) if token else 0
    more = {"NextToken": token_for(first + size)} if first + size < len(query) else {}
    return {**_written(call, query, range(first, min(first + size, len(query)))), **more}


def metric_last(call: Call) -> Document:
    """
    Show the newest point of each instance, if it is of the last two hours.
    """
    start = max(_instant(call, "StartTime", 0.0), call.now - LATEST)
    query = _query(call, start, _instant(call, "EndTime", call.now))
    newest = max(0, len(query) - len(query.instances))
    return _written(call, query, range(newest, len(query)))


def metrics(call: Call) -> Document:
    """
    List the metrics that there are.
    """
    asked = {name: call.arguments.get(name) for name in ("Namespace", "MetricName")}
    documents = [
        _metadata(namespace, name, metric)
        for namespace, named in METRICS.items()
        for name, metric in named.items()
        if asked["Namespace"] in (None, "", namespace) and asked["MetricName"] in (None, "", name)
    ]
    number, size = call.arguments.get("PageNumber", 1), call.arguments.get("PageSize", 30)
    return {
        "TotalCount": str(len(documents)),
        "Resources": {"Resource": documents[(number - 1) * size : number * size]},
    }


def _metadata(namespace: str, name: str, metric: Metric) -> Document:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Description": metric.description,
        "Unit": metric.unit,
        "Dimensions": ",".join(DIMENSIONS[namespace]),
        "Periods": ",".join(PERIODS),
        "Statistics": "Value",
        "Labels": "[]",
    }


@dataclass(frozen=True)
class Query:
    """
    What a call asks for: VBRs with their dimensions, at each timestamp in seconds.
    """

    metric: Metric
    period: int
    instances: Sequence[tuple[str, Dimensions]]
    timestamps: range

    def __len__(self) -> int:
        return len(self.timestamps) * len(self.instances)

    def point(self, number: int) -> tuple[int, str, Dimensions]:
        """
        Return the timestamp, VBR and dimensions of a point.
        """
        row, column = divmod(number, len(self.instances))
        return self.timestamps[row], *self.instances[column]


def _query(call: Call, start: float, end: float) -> Query:
    """
    Return the query for the points after `start`, up to `end`, as far as they are shown by now.
    """
    metric, cloud = _metric(call), call.cloud
    period = int(call.arguments.get("Period") or "60")
    kept = call.now - PERIODS[str(period)] * 86400.0
    after = max(start, cloud.began - HISTORY, kept)
    until = min(end, call.now - cloud.settings.metric_delay - period)
    first, last = int(after // period + 1) * period, int(until // period) * period
    return Query(
        metric, period, _instances(call, checked=metric.checked), range(first, last + 1, period)
    )


def _written(call: Call, query: Query, numbers: range) -> Document:
    """
    Write points as the JSON text that CloudMonitor puts into its JSON.
    """
    documents = []
    if numbers:
        points, began = [query.point(number) for number in numbers], call.cloud.began
        vbrs = {vbr for _, vbr, _ in points}
        carried = call.cloud.carried(vbrs, points[0][0], points[-1][0] + query.period)
        for at, vbr, dimensions in points:
            value = query.metric.value(carried[vbr].rates(at, at + query.period, began))
            documents.append({"timestamp": at * 1000, **dimensions, "Value": round(value, 2)})
    return {
        "Period": str(query.period),
        "Datapoints": json.dumps(documents, separators=(",", ":")),
    }


def _instances(call: Call, *, checked: bool) -> list[tuple[str, Dimensions]]:
    """
    Return the VBRs that a call asks for, with their dimensions; without any, all of the account.
    """
    cloud, namespace = call.cloud, call.arguments["Namespace"]
    asked = _asked(call)
    carrying = cloud.traffic().vbrs
    return [
        (vbr.id, dimensions)
        for vbr in cloud.network.resources.values()
        if vbr.kind == VBR and vbr.owner == call.account and vbr.id in carrying
        if vbr.health_check is not None or not checked
        for dimensions in _dimensions(namespace, vbr)
        if not asked or any(each.items() <= dimensions.items() for each in asked)
    ]


def _dimensions(namespace: str, vbr: Resource) -> Iterator[Dimensions]:
    if namespace == "acs_physical_connection":
        yield {"userId": vbr.owner, "instanceId": vbr.id}
        return
    for cen in vbr.cens:
        yield {"userId": vbr.owner, "cenId": cen, "vbrInstanceId": vbr.id}


def _asked(call: Call) -> list[Dimensions]:
    """
    Read Dimensions: JSON text, a list of 50 objects of texts at most.
    """
    text = call.arguments.get("Dimensions")
    try:
        content: object = json.loads(text) if text else []
    except (ValueError, RecursionError):
        raise illegal("Dimensions") from None
    items = content if isinstance(content, list) else [content]
    known = DIMENSIONS[call.arguments["Namespace"]]
    for each in items:
        if not isinstance(each, dict) or any(
            key not in known or not isinstance(value, str) for key, value in each.items()
        ):
            raise illegal("Dimensions")
    if len(items) > 50:
        raise illegal("Dimensions")
    return cast("list[Dimensions]", items)


def _metric(call: Call) -> Metric:
    named = METRICS.get(call.arguments["Namespace"])
    if named is None:
        raise illegal("Namespace")
    if call.arguments["MetricName"] not in named:
        raise illegal("MetricName")
    return named[call.arguments["MetricName"]]


def _instant(call: Call, name: Literal["StartTime", "EndTime"], default: float) -> float:
    """
    Read an instant: milliseconds since 1970, or `YYYY-MM-DDThh:mm:ssZ`.
    """
    value = call.arguments.get(name)
    if not value:
        return default
    if value.isdecimal() and len(value) <= 15:
        return int(value) / 1000
    try:
        return float(timegm(strptime(value, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        raise illegal(name) from None


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "DescribeMetricList": metric_list,
    "DescribeMetricLast": metric_last,
    "DescribeMetricMetaList": metrics,
}
