"""
The system in `chaos discover`: the regions, circuits and VBRs of the account.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import ANY_REGION, Answer, Place, ask_places, region_ids
from chaosfailover.network.health import links
from chaosfailover.network.snapshot import Snapshot, read_network

__all__ = ["account_system"]

logger = logging.getLogger("chaostoolkit")

T = TypeVar("T", bound=Mapping[str, object])

DEADLINE = 30.0

CIRCUIT = {
    "circuit_id": "PhysicalConnectionId",
    "name": "Name",
    "status": "Status",
    "access_point_id": "AccessPointId",
}
VBR = {"vbr_id": "VbrId", "name": "Name", "status": "Status"}


def account_system() -> dict[str, object] | None:
    """
    Return the regions of the environment's account, each with its circuits and VBRs.

    A region that cannot be read has an `error` instead. Returns None and logs a warning if the
    account cannot be read at all, since the discovery of activities needs none.
    """
    here = Place(config.from_environment()[config.REGION_ID] or ANY_REGION)
    (listed,) = ask_places([here], _open, region_ids)
    if listed.error:
        logger.warning("The account is not discovered: %s", listed.error)
        return None
    places = [Place(region_id) for region_id in listed.value or ()]
    return {"regions": [_region(answer) for answer in ask_places(places, _open, read_network)]}


def _open(place: Place) -> VpcClient:
    return config.client(config.from_environment(place.region_id), None, deadline=DEADLINE)


def _region(answer: Answer[Snapshot]) -> dict[str, object]:
    if answer.value is None:
        return {"region_id": answer.region_id, "error": str(answer.error)}
    return {
        "region_id": answer.region_id,
        "circuits": [
            _shown(circuit, CIRCUIT)
            for circuit in _sorted(answer.value.circuits, CIRCUIT["circuit_id"])
        ],
        "vbrs": [
            {**_shown(vbr, VBR), "circuit_ids": [name for name in links(vbr) if name]}
            for vbr in _sorted(answer.value.vbrs, VBR["vbr_id"])
        ],
    }


def _sorted(documents: Iterable[T], key: str) -> list[T]:
    return sorted(documents, key=lambda each: str(each.get(key)))


def _shown(document: Mapping[str, object], keys: Mapping[str, str]) -> dict[str, object]:
    return {name: document.get(key) or "" for name, key in keys.items()}
