"""
Whether a run may cut: the preflight, the baseline, the announcement and the confirmation.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from chaosfailover.alibaba import config
from chaosfailover.alibaba.network_reads import NetworkReads
from chaosfailover.alibaba.regions import ANY_REGION, region_ids
from chaosfailover.errors import FailoverError, PreflightError
from chaosfailover.prober.measurement import Measurement
from chaosfailover.record.digest import schema
from chaosfailover.record.redaction import OWN_NAMES, keys, shown_secrets
from chaosfailover.run import Configuration, Experiment, Secrets
from chaosfailover.run.journal_entry import RunFacts
from chaosfailover.run.mode import outside, unanswered
from chaosfailover.run.steps import idle_rollbacks, planned_cuts, planned_time, probed_resources
from chaosfailover.safety.allowed_times import ALWAYS
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.preflight import (
    PreflightCheck,
    PreflightContext,
    log_check,
    preflight,
)
from chaosfailover.safety.route_checks import RouteChecks

__all__ = ["account_id", "announce", "ask_for_confirmation", "look", "make_ready"]

Tell = Callable[[PreflightCheck], None]

logger = logging.getLogger("chaostoolkit")

# Seconds for the list of regions, which only completes a message.
LIST_DEADLINE = 5.0


def announce(cuts: Sequence[Cut], *, account_id: str, region_id: str, now: datetime) -> None:
    """
    Log account, region, resources and planned end of every cut as warnings.
    """
    for cut in cuts:
        end = (now + timedelta(minutes=cut.duration_minutes)).astimezone(UTC)
        logger.warning(
            "LIVE: %s will cut %s in %s of account %s, until %s at the latest if started now",
            cut.test,
            ", ".join(cut.resource_ids),
            region_id,
            account_id,
            end.strftime("%Y-%m-%d %H:%M:%S UTC"),
        )


def ask_for_confirmation(cuts: Sequence[Cut]) -> None:
    """
    Wait until the operator has typed the name of each test; without a terminal, do not ask.

    Raises PreflightError when anything else is typed.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        logger.warning("There is no terminal, so no confirmation is asked for")
        return
    for cut in cuts:
        sys.stderr.write(f"Type the test's name, {cut.test}, to cut {' '.join(cut.resource_ids)}: ")
        sys.stderr.flush()
        if (typed := sys.stdin.readline().strip()) != cut.test:
            raise PreflightError(f"{typed!r} was typed, not {cut.test!r}: not confirmed")


def account_id(configuration: Configuration, secrets: Secrets) -> str | None:
    """
    Return the account of the credentials; None, after a warning, if it cannot be read.
    """
    try:
        return config.account_id(configuration, secrets)
    except FailoverError as exc:
        logger.warning("The account ID is unknown: %s", exc)
        return None


def look(
    facts: RunFacts,
    experiment: Experiment,
    configuration: Configuration,
    secrets: Secrets,
    measured: Measurement | None,
    reads: NetworkReads,
    tell: Tell = log_check,
) -> None:
    """
    Make the preflight of an experiment; its results go into `facts`.

    Raises PreflightError, and as the client does.
    """
    created, started = planned_cuts(experiment, configuration, secrets)
    with config.client(configuration, secrets) as client:
        context = PreflightContext(
            client=client,
            cuts=created,
            started=started,
            planned_time=planned_time(experiment, configuration, secrets),
            min_survivors=facts.settings.min_survivors,
            regions=partial(_regions, configuration, secrets),
            routes=RouteChecks(client, reads, facts.settings.route_rules()),
            targets=[target.name for target in measured.targets] if measured else [],
            probed=probed_resources(experiment, configuration, secrets),
            answer_now=partial(_problem, facts, measured) if measured else lambda _: "",
            times=facts.settings.allowed_times(),
            live=facts.mode == "LIVE" and not experiment.get("dry"),
            tell=tell,
        )
        _check(facts, context)
    facts.cuts = context.cuts
    tests = [cut.test for cut in facts.cuts]
    idle = idle_rollbacks(experiment, configuration, secrets, tests)
    _warn(facts, "rollbacks", idle, tell)
    _warn(facts, "secrets", _shown(facts, experiment, secrets, [*tests, *context.targets]), tell)


def make_ready(
    facts: RunFacts,
    experiment: Experiment,
    configuration: Configuration,
    secrets: Secrets,
    measured: Measurement | None,
    reads: NetworkReads,
) -> ApprovedCuts:
    """
    Return the approved cuts of an experiment, after preflight, baseline and confirmation.

    The results go into `facts`. Raises PreflightError, and as the client does.
    """
    look(facts, experiment, configuration, secrets, measured, reads)
    cuts = facts.cuts
    if cuts and measured:
        measured.wait_for_baseline(facts.settings.baseline)
    if cuts:
        facts.account_id = facts.account_id or account_id(configuration, secrets)
    times = facts.settings.allowed_times() if facts.mode == "LIVE" else ALWAYS
    approved = ApprovedCuts.of(cuts, experiment.get("dry"), times)
    if approved.refusal:
        logger.warning("Nothing will be cut: %s", approved.refusal)
    elif cuts and facts.mode == "LIVE":
        _announce(facts, cuts)
    return approved


def _regions(configuration: Configuration, secrets: Secrets) -> list[str]:
    """
    Return the regions of the service, from one that exists.
    """
    known = {**configuration, config.REGION_ID: ANY_REGION}
    with config.client(known, secrets, deadline=LIST_DEADLINE, attempts=1) as client:
        return region_ids(client)


def _check(facts: RunFacts, context: PreflightContext) -> None:
    facts.checks = preflight(context)
    facts.before, facts.routes = context.before, context.routes
    facts.clock_offset = context.client.clock_offset
    if failed := [check for check in facts.checks if not check.passed]:
        raise PreflightError("; ".join(f"{check.name}: {check.detail}" for check in failed))


def _problem(facts: RunFacts, measured: Measurement, name: str) -> str:
    """
    Return why a target cannot be watched, "" if it can.
    """
    target = next(target for target in measured.targets if target.name == name)
    if problem := measured.problem(name):
        return unanswered(target, problem, facts.services)
    return outside(target, facts.services)


def _warn(facts: RunFacts, name: str, warnings: Sequence[str], tell: Tell) -> None:
    """
    Note warnings as a check that passed, and tell them.
    """
    if warnings:
        check = PreflightCheck(name, True, "see the warnings", tuple(warnings))
        tell(check)
        facts.checks.append(check)


def _shown(
    facts: RunFacts, experiment: Experiment, secrets: Secrets, names: Sequence[str]
) -> list[str]:
    """
    Return warnings of the secrets that cannot be hidden everywhere, by their keys.
    """
    resources = {each.resource_id for states in facts.before.values() for each in states}
    words = {*names, *resources, *OWN_NAMES, *keys(experiment), *keys(schema()), *RUN_WORDS}
    return [
        f"the secret {place} is a word, a status, a number or a name that this run writes, or is "
        "too short: it is not hidden everywhere"
        for place in shown_secrets(secrets, words)
    ]


RUN_WORDS = (
    *("activity", "chaoslib-version", "deviated", "duration", "exception", "experiment"),
    *("failover", "may_start", "not_back", "provider", "series", "steady_states", "summary"),
    "tolerance_met",
    *("aborted", "completed", "failed", "inconclusive", "interrupted", "succeeded"),
)
"""Keys and words of a journal that neither the experiment nor the record has."""


def _announce(facts: RunFacts, cuts: list[Cut]) -> None:
    announce(
        cuts,
        account_id=facts.account_id or "unknown",
        region_id=str(facts.configuration.get(config.REGION_ID)),
        now=datetime.now(UTC),
    )
    if facts.settings.confirm:
        ask_for_confirmation(cuts)
