"""
The values that an experiment is written with, as far as they can be checked without a network.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial

from chaoslib import substitute
from chaoslib.configuration import load_configuration
from chaoslib.exceptions import ChaosException
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid

from chaosfailover import arguments
from chaosfailover.alibaba import config
from chaosfailover.alibaba.endpoints import endpoint_url, official_endpoint
from chaosfailover.alibaba.failover_tests import STATUSES
from chaosfailover.errors import ArgumentError, PreflightError, close_to, did_you_mean
from chaosfailover.run import Activity, Configuration, Experiment, Secrets
from chaosfailover.run.abort import find_probe
from chaosfailover.run.journal_entry import check_depth
from chaosfailover.run.mode import check_topology
from chaosfailover.run.settings import Settings
from chaosfailover.run.steps import OURS, activities, planned_cuts, planned_time, substituted
from chaosfailover.safety.preflight import check_duration
from chaosfailover.verdict.values import mapping

__all__ = ["check_values", "check_written"]

Arguments = Mapping[str, object]

CLOSE = 0.9
"""How alike two keys are, from 0 to 1, for one to be a misspelling of the other."""
LONGEST_PAUSE = 1e6
OF_TARGETS = ("abort_after", "rto")
TOOLKITS = ("jsonpath", "range", "regex")
"""The kinds of tolerances that the toolkit evaluates itself."""
REFERENCE = re.compile(r"\$\{([^}]+)\}")
CHECKS: Mapping[str, Callable[[object], object]] = {
    "circuit_id": lambda value: _id("circuit_id", value, "PHYSICALCONNECTION"),
    "vbr_id": lambda value: _id("vbr_id", value, "VIRTUALBORDERROUTER"),
    "bgp_peer_id": lambda value: _id("bgp_peer_id", value, "BGPPEER"),
    "resource_id": lambda value: _id("resource_id", value),
    "resource_type": arguments.check_resource_type,
    "duration_minutes": arguments.check_duration,
    "name": arguments.check_name,
    "description": arguments.check_description,
    "test": arguments.check_test,
    "timeout": arguments.check_timeout,
    "until": arguments.check_until,
    "start": partial(arguments.check_switch, "start"),
    "dry_run": partial(arguments.check_switch, "dry_run"),
    "only_if_init": partial(arguments.check_switch, "only_if_init"),
}
"""The checks of the arguments of our activities, which have one meaning in all of them."""


def check_written(experiment: Experiment, given: Arguments) -> None:
    """
    Check an experiment and the arguments of its control, as they are before it runs.

    What depends on secrets, or on probes in the configuration, is left out. Raises ArgumentError,
    ConfigurationError and PreflightError.
    """
    written = load_configuration(experiment.get("configuration") or {})
    dynamic = {key for key, value in written.items() if isinstance(value, Mapping)}
    configuration = {key: value for key, value in written.items() if key not in dynamic}
    unknown = {*dynamic, *_names(experiment.get("secrets"))}
    known = {name: value for name, value in given.items() if not _needs(value, unknown)}
    if "targets" in given.keys() - known.keys():
        known = {name: value for name, value in known.items() if name not in OF_TARGETS}
    settings = Settings.parse(substitute(known, configuration, {}))
    check_values(experiment, configuration, {}, settings, unknown)
    if not _needs(experiment.get("method"), unknown):
        _check_durations(experiment, configuration)


def check_values(
    experiment: Experiment,
    configuration: Configuration,
    secrets: Secrets,
    settings: Settings,
    unknown: Set[str] = frozenset(),
) -> None:
    """
    Check endpoint, region, role, topology, cuts and activities, save what is `unknown`.

    Raises ArgumentError, ConfigurationError and PreflightError.
    """
    check_depth(experiment)
    _check_names(experiment)
    known = _without(experiment, unknown)
    if not unknown & {config.ENDPOINT, config.REGION_ID}:
        _check_place(configuration, settings)
    if settings.abort_when is not None:
        find_probe(known, settings.abort_when)
    for _, activity in activities(known):
        _check_pauses(activity, configuration, secrets)
        _check_tolerance(activity)
        _check_activity(activity, configuration, secrets, settings)
    planned_cuts(known, configuration, secrets)


def _check_names(experiment: Experiment) -> None:
    """
    Refuse a key of the configuration that is only spelt like one of ours, which is not there,
    unless it is used as a variable.
    """
    used = {*REFERENCE.findall(str(experiment))}
    names = mapping(experiment.get("configuration"))
    absent = [name for name in config.CONFIGURATION_KEYS if name not in names]
    for name in names:
        plain = str(name).lower().replace("-", "_")
        if name in config.CONFIGURATION_KEYS or name in used:
            continue
        if meant := close_to(plain, absent, CLOSE):
            raise ArgumentError(f"{name!r} in the configuration is not read{meant}")


def _check_pauses(activity: Activity, configuration: Configuration, secrets: Secrets) -> None:
    """
    Refuse what the toolkit cannot sleep: it ends the run there, with the circuit cut.
    """
    pauses = substitute(activity.get("pauses"), configuration, secrets)
    for when, pause in mapping(pauses).items():
        if pause is None or (isinstance(pause, int | float) and 0 <= pause <= LONGEST_PAUSE):
            continue
        raise ArgumentError(
            f"{activity.get('name')}: pauses.{when} is {pause!r}, expected a number of seconds; a "
            "variable of the environment needs `env_var_type: float`"
        )


def _check_tolerance(activity: Activity) -> None:
    """
    Refuse a tolerance that could not be evaluated once the circuit is cut.
    """
    tolerance = activity.get("tolerance")
    if isinstance(tolerance, list) and REFERENCE.search(str(tolerance)):
        raise ArgumentError(
            f"{activity.get('name')}: the toolkit fills in no variables in a list as tolerance"
        )
    if isinstance(tolerance, Mapping) and tolerance.get("type") in TOOLKITS:
        try:
            ensure_hypothesis_tolerance_is_valid(tolerance)
        except ChaosException as exc:
            raise ArgumentError(f"{activity.get('name')}: {exc}") from exc


def _check_durations(experiment: Experiment, configuration: Configuration) -> None:
    created, _ = planned_cuts(experiment, configuration, {})
    time = planned_time(experiment, configuration, {})
    for cut in created:
        try:
            check_duration(cut, time)
        except PreflightError as exc:
            raise PreflightError(f"{cut.test}: duration: {exc}") from exc


def _check_place(configuration: Configuration, settings: Settings) -> None:
    place = config.network(dict(configuration))
    official_endpoint(config.region(configuration))
    if place == "emulator":
        check_topology(settings)
        return
    config.role(configuration)
    if place != "cloud":
        endpoint_url(place)


def _check_activity(
    activity: Activity, configuration: Configuration, secrets: Secrets, settings: Settings
) -> None:
    provider = activity.get("provider")
    if not isinstance(provider, Mapping) or provider.get("module") not in OURS:
        return
    given = substituted(activity, configuration, secrets)
    values = {name: value for name, value in given.items() if value is not None}
    try:
        for name in CHECKS.keys() & values.keys():
            CHECKS[name](values[name])
        if "resource_ids" in values:
            arguments.check_resource_ids(values["resource_ids"], values.get("resource_type"))
        if "target" in values:
            _check_target(values["target"], settings)
        if provider.get("func") == "failover_test_status":
            tolerance = activity.get("tolerance")
            is_text = isinstance(tolerance, str)  # of a list, the toolkit fills in no variables
            _check_statuses(substitute(tolerance, configuration, secrets) if is_text else tolerance)
    except ArgumentError as exc:
        raise ArgumentError(f"{activity.get('name')}: {exc}") from exc


def _check_statuses(tolerance: object) -> None:
    """
    Refuse a literal tolerance, or one of a list, that no test's status can be within.
    """
    for status in tolerance if isinstance(tolerance, list) else [tolerance]:
        if isinstance(status, str) and status not in STATUSES:
            raise ArgumentError(
                f"tolerance is {status!r}, which is no status of a failover test"
                f"{did_you_mean(status, STATUSES)}"
            )


def _check_target(target: object, settings: Settings) -> None:
    if target not in settings.targets:
        names = ", ".join(settings.targets) or "none: the control has no targets"
        raise ArgumentError(f"target is {target!r}, expected one of {names}")


def _id(argument: str, value: object, *types: str) -> str:
    return arguments.check_resource_id(argument, value, *types)


def _without(experiment: Experiment, unknown: Set[str]) -> Experiment:
    """
    Return an experiment without the activities whose arguments are not known yet.
    """
    hypothesis = experiment.get("steady-state-hypothesis")
    parts = {key: _known(experiment.get(key), unknown) for key in ("method", "rollbacks")}
    if isinstance(hypothesis, Mapping):
        probes = _known(hypothesis.get("probes"), unknown)
        parts["steady-state-hypothesis"] = {**hypothesis, "probes": probes}
    return {**experiment, **parts}


def _known(group: object, unknown: Set[str]) -> object:
    if not isinstance(group, list):
        return group
    return [each for each in group if not _needs(each, unknown)]


def _needs(value: object, unknown: Set[str]) -> bool:
    return bool(unknown & {*REFERENCE.findall(str(value))})


def _names(secrets: object) -> Iterator[str]:
    """
    Yield the names of secrets, and of their groups.
    """
    for name, value in secrets.items() if isinstance(secrets, Mapping) else ():
        yield str(name)
        yield from _names(value)
