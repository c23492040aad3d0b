"""
Whether the cut of an experiment could be made now: its preflight alone, which changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace

from chaoslib import convert_vars, merge_vars, substitute
from chaoslib.configuration import load_configuration, load_dynamic_configuration
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.loader import load_experiment
from chaoslib.secret import load_secrets

from chaosfailover.alibaba import config
from chaosfailover.errors import ArgumentError, ConfigurationError, FailoverError, PreflightError
from chaosfailover.prober.measurement import Measurement
from chaosfailover.record.redaction import redact_message
from chaosfailover.run import Configuration, Experiment, Secrets
from chaosfailover.run.declarations import check_declarations, declared_arguments, is_called
from chaosfailover.run.evidence import check_evidence
from chaosfailover.run.experiment_shape import check_keys
from chaosfailover.run.finish import check_files
from chaosfailover.run.given_files import check_variables, load_controls
from chaosfailover.run.go_no_go import account_id, look
from chaosfailover.run.journal_entry import RunFacts, check_depth, known_secrets
from chaosfailover.run.loading import (
    NOT_READ,
    checked,
    one_line,
    ours,
    reading,
)
from chaosfailover.run.mode import open_venue
from chaosfailover.run.provider_names import NO_CONTROL, check_names
from chaosfailover.run.settings import Settings
from chaosfailover.run.written_values import check_values
from chaosfailover.safety.cut import Cut
from chaosfailover.safety.preflight import PreflightCheck

__all__ = ["Readiness", "Source", "readiness"]

Tell = Callable[[PreflightCheck], None]
NO_CUT = "the method starts no failover test"


@dataclass(frozen=True, slots=True)
class Source:
    """
    An experiment as `chaos run` is given it: a file or a URL, `name=value` variables and files.
    """

    name: str
    variables: Sequence[str] = ()
    variable_files: Sequence[str] = ()
    control_files: Sequence[str] = ()
    toolkit_settings: str = ""


@dataclass(slots=True)
class Readiness:
    """
    What a run would be refused for, "" if the cut could be made, and what was looked at.

    `mode` is REHEARSAL or LIVE, "" before that is known, and `place` where the run would take
    place.
    """

    refusal: str = ""
    mode: str = ""
    place: str = ""
    region_id: str = ""
    account_id: str | None = None
    cuts: Sequence[Cut] = ()
    checks: list[PreflightCheck] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """
        Return it as plain data.
        """
        return {
            "ready": not self.refusal,
            "refusal": self.refusal or None,
            "mode": self.mode or None,
            "region_id": self.region_id or None,
            "place": self.place or None,
            "account_id": self.account_id,
            "cuts": [asdict(cut) for cut in self.cuts],
            "preflight": [check.as_dict() for check in self.checks],
        }


def readiness(source: Source, on_venue: Callable[[Readiness], None], on_check: Tell) -> Readiness:
    """
    Find out whether the cut of an experiment could be made; nothing is created or started.

    `on_venue` is called once it is known where the run would take place, `on_check` after each
    check. Secrets are hidden in all texts.
    """
    ready = Readiness()
    hidden: set[str] = set()
    try:
        experiment, configuration, secrets = _loaded(source)
        hidden = known_secrets(configuration, secrets)

        def tell(check: PreflightCheck) -> None:
            ready.checks.append(_without_secrets(check, hidden))
            on_check(ready.checks[-1])

        with ExitStack() as resources:
            _look(ready, experiment, configuration, secrets, resources, on_venue, tell)
    except (FailoverError, ChaosException, OSError, *NOT_READ) as exc:
        ready.refusal = redact_message(one_line(exc), hidden)
    return ready


def _without_secrets(check: PreflightCheck, hidden: Iterable[str]) -> PreflightCheck:
    warnings = tuple(redact_message(each, hidden) for each in check.warnings)
    return replace(check, detail=redact_message(check.detail, hidden), warnings=warnings)


def _loaded(source: Source) -> tuple[Experiment, Configuration, Secrets]:
    """
    Load an experiment, its configuration and its secrets, as the toolkit does for a run.
    """
    toolkit = load_controls(source.toolkit_settings, source.control_files)
    experiment = ours(source.name, source.toolkit_settings)
    if experiment is None:
        with reading(source.name):
            experiment = checked(source.name, load_experiment(source.name, toolkit))
    else:
        check_names(experiment)
    ensure_experiment_is_valid(experiment)
    configured, secret = _variables(source, experiment)
    configuration = load_configuration(experiment.get("configuration", {}), configured)
    secrets = load_secrets(experiment.get("secrets", {}), configuration, secret)
    return experiment, load_dynamic_configuration(configuration, secrets), secrets


def _variables(
    source: Source, experiment: Experiment
) -> tuple[dict[str, object], dict[str, object]]:
    """
    Return the values of the configuration and of the secrets that a run is given.
    """
    given: dict[str, object] = {}
    for variable in source.variables:
        key, equals, _ = variable.partition("=")
        if not equals:
            raise ArgumentError(f"the variable is {variable!r}, expected KEY[:TYPE]=VALUE")
        with reading(f"the variable {key}"):
            given |= convert_vars([variable])
    check_variables(experiment, given, source.variable_files)
    with reading(", ".join(source.variable_files)):
        configured, secret = merge_vars(given, [*source.variable_files])
    return configured, secret


def _look(
    ready: Readiness,
    experiment: Experiment,
    configuration: Configuration,
    secrets: Secrets,
    resources: ExitStack,
    on_venue: Callable[[Readiness], None],
    tell: Tell,
) -> None:
    settings = _settings(experiment, configuration, secrets)
    venue = open_venue(settings, configuration, resources, lambda _: None)
    ready.mode, ready.place = venue.mode, venue.place
    ready.region_id = config.region(configuration)
    facts = RunFacts(settings, configuration, mode=venue.mode, services=venue.services)
    ready.account_id = venue.account_id
    on_venue(ready)
    measurement = None
    if targets := settings.parsed_targets():
        measurement = Measurement(targets, settings.interval, settings.timeout, venue.room)
        resources.callback(measurement.stop)
        measurement.start()
    reads = resources.enter_context(config.network_reads(configuration, secrets))
    look(facts, experiment, configuration, secrets, measurement, reads, tell)
    ready.cuts = facts.cuts
    if not facts.cuts:
        raise PreflightError(NO_CUT)
    ready.account_id = ready.account_id or account_id(configuration, secrets)


def _settings(experiment: Experiment, configuration: Configuration, secrets: Secrets) -> Settings:
    """
    Return the settings of the control, after all checks that need no network.
    """
    given = declared_arguments(experiment)
    if given is None or not is_called(experiment):
        raise ConfigurationError(NO_CONTROL)
    check_declarations(experiment)
    check_depth(experiment)
    check_keys(experiment)
    settings = Settings.parse(substitute(dict(given), configuration, secrets))
    check_values(experiment, configuration, secrets, settings)
    check_files(settings, make_folders=False)
    check_evidence(settings.evidence or None)
    return settings
