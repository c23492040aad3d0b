"""
The checks of a cut that rest on routes and traffic, which are read once for all cuts of a run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Literal

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.network_reads import NetworkReads
from chaosfailover.errors import PreflightError
from chaosfailover.events import Event
from chaosfailover.network import resource_status as survey
from chaosfailover.network.circuit_traffic import BEFORE, CutTimes, circuit_traffic
from chaosfailover.network.load import MAX_SURVIVOR_LOAD, load
from chaosfailover.network.prefixes import RouteProof, proof_by_route, with_backups
from chaosfailover.network.reading import (
    HISTORY,
    METRIC_BUDGET,
    read_proof,
    read_routing,
    read_traffic,
)
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.network.survival import Survival
from chaosfailover.network.takeover import CUT_PROVES, takeovers
from chaosfailover.safety.cut import Cut

__all__ = [
    "MAX_SURVIVOR_LOAD",
    "UNKNOWN",
    "Finding",
    "RouteChecks",
    "RouteRules",
    "SurvivorsBy",
    "check_survivors",
]

SurvivorsBy = Literal["routes", "sessions"]
Finding = str | tuple[str, Sequence[str]]

BY_SESSIONS = "survivors_by: sessions"
UNKNOWN = "not known: "
"""What the finding of a check begins with that neither failed nor found an answer."""
TRAFFIC_BUDGET = 5.0
"""The seconds for the traffic after the run."""
PROOF_BUDGET = 10.0
"""The seconds for the routes right before a cut; a permission to cut lasts longer."""


@dataclass(frozen=True, slots=True)
class RouteRules:
    """
    What the checks require; `objectives` are the RTOs of the targets that a cut may touch.
    """

    survivors_by: SurvivorsBy = "routes"
    min_survivors: int = 1
    max_survivor_load: float = MAX_SURVIVOR_LOAD
    objectives: Mapping[str, float] = field(default_factory=dict)


@dataclass
class RouteChecks:
    """
    The checks of all cuts, and their evidence by test as the journal holds it.

    `survivals` has what survives each cut, by the name of its test. `reads` are those of the whole
    run, so that a product which is not reached is told once, and is not waited for again.
    """

    client: VpcClient
    reads: NetworkReads
    rules: RouteRules
    survivals: dict[str, Survival] = field(default_factory=dict)
    evidence: dict[str, dict[str, object]] = field(default_factory=dict)
    proofs: dict[str, RouteProof] = field(default_factory=dict)

    def of(self, cut: Cut) -> Iterator[tuple[str, Callable[[], Finding]]]:
        """
        Yield the checks of a cut, by their names.
        """
        yield f"{cut.test}: routes", partial(self._routes, cut)
        yield f"{cut.test}: capacity", partial(self._capacity, cut)
        yield f"{cut.test}: takeover", partial(self._takeover, cut)

    @cached_property
    def snapshot(self) -> Snapshot:
        """
        The VBRs of the needs of all cuts.
        """
        return _snapshot(self.client, self.survivals.values())

    @cached_property
    def tables(self) -> RouteTables:
        """
        Everything that was read, once for all cuts.
        """
        routing = read_routing(self.reads, self.snapshot)
        sharing = {
            path.vbr_id
            for survival in self.survivals.values()
            for path in survival.sharing
            if path.vbr_id and path.vbr_id not in routing.traffic
        }
        if sharing:
            since = routing.taken_at - HISTORY
            more = read_traffic(self.reads, sharing, since, budget=METRIC_BUDGET)
            routing = replace(routing, traffic={**routing.traffic, **more})
        return RouteTables(routing)

    def with_backups(self, survival: Survival) -> Survival:
        """
        Return what survives with the VPN connections that the routes prove.
        """
        if self.rules.survivors_by == "sessions":
            return survival
        return with_backups(survival, _proof(self.client, self.reads, survival))

    def traffic(self, events: Iterable[Event]) -> list[dict[str, object]]:
        """
        Read the traffic of the circuits of the tests that cut, as far as CloudMonitor has it now.
        """
        cuts = _cut_times(events)
        if not cuts:
            return []
        since = min(times.cut_at for times in cuts.values()) - BEFORE
        vbr_ids = [vbr_id for vbr in self.snapshot.vbrs if (vbr_id := text(vbr, "VbrId"))]
        read = read_traffic(self.reads, vbr_ids, since, budget=TRAFFIC_BUDGET)
        return [
            {"test": test, **circuit}
            for test, times in cuts.items()
            if test in self.survivals
            for circuit in circuit_traffic(self.survivals[test], read, times)
        ]

    def _survival(self, cut: Cut) -> Survival:
        if cut.test not in self.survivals:
            raise PreflightError("not checked, since what survives is not known")
        return self.survivals[cut.test]

    def _proof(self, cut: Cut) -> RouteProof:
        """
        Return what the routes prove of a cut, which more than one check asks for.
        """
        if cut.test not in self.proofs:
            self.proofs[cut.test] = proof_by_route(self._survival(cut), self.tables)
        return self.proofs[cut.test]

    def _note(self, cut: Cut, **evidence: object) -> None:
        known = self.evidence.setdefault(cut.test, {"survivors_by": self.rules.survivors_by})
        known.update(evidence)

    def _routes(self, cut: Cut) -> Finding:
        """
        Return which prefixes survive; what is unknown or lost fails, unless sessions are enough.
        """
        proof = self._proof(cut)
        self._note(cut, routes=[need.as_dict() for need in proof.needs])
        if proof.proven and self.rules.survivors_by == "routes":
            _require(proof, self._survival(cut), self.rules.min_survivors)
        if proof.proven:
            return _covered(proof), proof.warnings
        if self.rules.survivors_by == "sessions":
            detail = f"not proven, and not required, since the control has {BY_SESSIONS}"
            return detail, [*proof.reasons, *proof.warnings]
        remedy = _remedy(proof, self._survival(cut))
        raise PreflightError(f"not proven: {'; '.join(proof.reasons)}; {remedy}")

    def _capacity(self, cut: Cut) -> Finding:
        """
        Return the load of the survivors; only a present load that is too high fails.
        """
        limit = self.rules.max_survivor_load
        loads = load(self._survival(cut), self._proof(cut), self.tables, limit)
        self._note(cut, load=[each.as_dict() for each in loads])
        detail = "; ".join(map(str, loads))
        if any(each.status == "failed" for each in loads):
            raise PreflightError(f"above {limit:g} of the bandwidth (max_survivor_load): {detail}")
        unknown = any(each.status == "unknown" for each in loads)
        warnings = [warning for each in loads for warning in each.warnings]
        return f"{UNKNOWN * unknown}{detail}", warnings

    def _takeover(self, cut: Cut) -> Finding:
        """
        Return the forecast of the takeover, with a warning for each RTO that it cannot hold.
        """
        forecasts = takeovers(self._survival(cut), self.tables.routing)
        rows = [{"need": need, **each.as_dict()} for need, each in forecasts.items()]
        self._note(cut, takeover=rows)
        advice = dict.fromkeys(advice for each in forecasts.values() for advice in each.advice)
        parts = [f"{need}: {forecast}" for need, forecast in forecasts.items()]
        parts += [f"to lower it: {', '.join(advice)}"] if advice else []
        return f"{'; '.join(parts)}. {CUT_PROVES[cut.resource_type]}", [
            f"{need}: the RTO of {target} is {rto:g} s, and a silent loss takes {doubt}"
            for need, forecast in forecasts.items()
            for target, rto in self.rules.objectives.items()
            if (doubt := forecast.doubt(rto))
        ]


def check_survivors(client: VpcClient, cut: Cut, least: int, survivors_by: SurvivorsBy) -> None:
    """
    Raise PreflightError if what survives a cut is now less than `least`, or proven no more.
    """
    survival = survey.survival(client, cut.resource_ids, cut.resource_type)
    if survivors_by == "sessions":
        survey.require(survival, least)
        return
    with client.network_reads() as reads:
        proof = _proof(client, reads, survival)
    survey.require(with_backups(survival, proof), least)
    if not proof.proven:
        raise PreflightError(f"not proven by routes any more: {'; '.join(proof.reasons)}")
    _require(proof, survival, least)


def _require(proof: RouteProof, survival: Survival, least: int) -> None:
    """
    Raise PreflightError if a prefix of the cut is carried by less than `least`.
    """
    if (count := proof.count(survival)) < least:
        raise PreflightError(
            f"{count} of {least} needed survivors (min_survivors) carry each prefix: "
            f"{_covered(proof)}; let more of them carry what the cut carries"
        )


def _remedy(proof: RouteProof, survival: Survival) -> str:
    if any(fate.state == "lost" for need in proof.needs for fate in need.prefixes):
        return "let a survivor carry what would be lost"
    if all(need.survivors for need in survival.needs):
        return f"let the routes be read, or set {BY_SESSIONS} in the control"
    return "let another circuit survive, or mend what is said of the VPN connections"


def _proof(client: VpcClient, reads: NetworkReads, survival: Survival) -> RouteProof:
    routing = read_proof(reads, _snapshot(client, [survival]), budget=PROOF_BUDGET)
    return proof_by_route(survival, routing)


def _snapshot(client: VpcClient, survivals: Iterable[Survival]) -> Snapshot:
    """
    Read the VBRs of the needs of some cuts.
    """
    needs = [need for survival in survivals for need in survival.needs]
    names = {path.vbr_id for need in needs for path in (*need.taken, *need.survivors)}
    vbrs = client.describe_virtual_border_routers(include_cross_account=True)
    return Snapshot(
        client.region_id, vbrs=tuple(vbr for vbr in vbrs if text(vbr, "VbrId") in names)
    )


def _cut_times(events: Iterable[Event]) -> dict[str, CutTimes]:
    """
    Return when each test that was started cut, was stopped, and was seen back at last.
    """
    at = {
        (event["kind"], event.get("test", "")): datetime.fromisoformat(event["at"])
        for event in events
    }
    return {
        test: CutTimes(cut_at, at.get(("stop", test)), at.get(("back", test)))
        for (kind, test), cut_at in at.items()
        if kind == "cut"
    }


def _covered(proof: RouteProof) -> str:
    """
    Return what carries each prefix, with the ECR or CEN if there are several.
    """
    several = len(proof.needs) > 1
    fates = [
        f"{need.need}: {fate}" if several else str(fate)
        for need in proof.needs
        for fate in need.prefixes
    ]
    return "; ".join(fates) or "the cut carries no prefix"
