"""
The venue of a run: the embedded emulator, another emulator, or the cloud.
"""

import errno
import logging
import resource
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chaosfailover.alibaba import config
from chaosfailover.errors import ConfigurationError
from chaosfailover.prober.open_files import RESERVE, Room
from chaosfailover.prober.targets import Target
from chaosfailover.run import Configuration
from chaosfailover.run.experiment_file import beside_experiment
from chaosfailover.run.settings import Settings
from chaosfailover.safety.guarded_test import LATEST_START
from chaosfailover.safety.watchdog import Watchdogs

if TYPE_CHECKING:
    from chaosfailover.emulator import Emulator
    from chaosfailover.emulator.dataplane import TakenPort
    from chaosfailover.emulator.services import Upstream

__all__ = ["Venue", "check_topology", "open_venue", "other_ports_for", "outside", "unanswered"]


@dataclass(frozen=True, slots=True)
class Venue:
    """
    Where a run takes place; an emulator has a `topology`, and `services` by name, with their URLs.

    The embedded emulator ends with this process, and takes files of it beside those that the checks
    take, as `room` says. Everything else needs `watchdogs`. A start without an answer may take
    effect for `latest_start` seconds. A `volatile` emulator ends with its tests.
    """

    place: str
    topology: str | None = None
    account_id: str | None = None
    services: Mapping[str, str] | None = None
    watchdogs: Watchdogs | None = None
    latest_start: float = LATEST_START
    volatile: bool = False
    room: Room = field(default_factory=Room)

    @property
    def mode(self) -> str:
        """
        REHEARSAL on an emulator, LIVE on anything else.
        """
        return "REHEARSAL" if self.topology else "LIVE"


Backups = Callable[[float], Watchdogs | None]


def open_venue(
    settings: Settings,
    configuration: Configuration,
    resources: ExitStack,
    backups: Backups = Watchdogs,
) -> Venue:
    """
    Start the embedded emulator, which closes with `resources`, or else the watchdogs.

    `backups` starts these, or returns None where nothing is cut. The configuration then points to
    that emulator. Raises ConfigurationError.
    """
    place = config.network(configuration)
    if place == "emulator":
        return _embedded(settings, configuration, resources)
    emulator = config.running_emulator(configuration)
    if emulator is None:
        return Venue(place, watchdogs=backups(settings.restore_timeout))
    _check_emulation(emulator.shortcomings, emulator.services, settings)
    _check_behind(emulator.upstreams, settings, place)
    return Venue(
        f"the emulator at {place}, topology {emulator.topology}",
        emulator.topology,
        services=emulator.services,
        watchdogs=backups(settings.restore_timeout),
        latest_start=emulator.timestamp_window,
        volatile=emulator.volatile,
    )


def _embedded(settings: Settings, configuration: Configuration, resources: ExitStack) -> Venue:
    emulator = _start_emulator(settings, resources)
    _check_emulation(emulator.shortcomings, emulator.service_urls, settings)
    _check_upstreams(emulator.service_urls, settings)
    configuration[config.ENDPOINT] = emulator.url
    configuration[config.REHEARSAL] = True
    place = f"the embedded emulator, topology {settings.topology}"
    return Venue(
        place,
        settings.topology,
        emulator.account_id,
        services=emulator.service_urls,
        latest_start=emulator.timestamp_window,
        room=Room(1 + emulator.files_per_connection, RESERVE + emulator.files_of_a_cut),
    )


def _start_emulator(settings: Settings, resources: ExitStack) -> "Emulator":
    try:
        from chaosfailover.emulator import Emulator
        from chaosfailover.emulator.dataplane import PortTakenError
    except ImportError as exc:
        raise ConfigurationError(f"a rehearsal needs the emulator: {exc}") from exc
    _log_as_the_toolkit(resources)
    try:
        return resources.enter_context(
            Emulator(
                _topology_file(settings.topology),
                minute=settings.minute,
                access_keys={config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET},
                upstreams=settings.upstream,
            )
        )
    except PortTakenError as exc:
        raise ConfigurationError(f"{exc}: {other_ports_for(exc.ports, settings.topology)}") from exc
    except OSError as exc:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        hint = f"; the limit is {limit}: raise it with ulimit -n 256"
        raise ConfigurationError(
            f"the embedded emulator cannot start: {exc.strerror or exc}"
            f"{hint if exc.errno == errno.EMFILE else ''}"
        ) from exc
    except ValueError as exc:
        raise ConfigurationError(f"{exc}{_looked(exc, settings)}") from exc


def _log_as_the_toolkit(resources: ExitStack) -> None:
    """
    Have what the embedded emulator logs in the run's log, such as that an upstream is gone.
    """
    emulator, toolkit = (
        logging.getLogger("chaosfailover.emulator"),
        logging.getLogger("chaostoolkit"),
    )
    handler = logging.Handler()
    handler.emit = toolkit.handle  # type: ignore[method-assign]
    emulator.addHandler(handler)
    resources.callback(emulator.removeHandler, handler)


def other_ports_for(ports: Sequence["TakenPort"], topology: str) -> str:
    """
    Return what to do about ports of services that are taken.
    """
    from chaosfailover.emulator.dataplane import other_ports
    from chaosfailover.emulator.topology import BUNDLED

    moved = [f"{each.service}: {{port: {each.other}}}" for each in ports if each.port]
    setting = f"'services: {{{', '.join(moved)}}}'"
    how = f"set {setting} in the topology {topology}"
    if topology in BUNDLED:
        how = (
            f"write a topology file with 'extends: {topology}' and {setting}, name it as topology "
            "of the control (bundled experiments: FAILOVER_TOPOLOGY)"
        )
    return other_ports(ports, how if moved else "")


def check_topology(settings: Settings) -> None:
    """
    Raise ConfigurationError unless the topology of a rehearsal can be read, with its upstreams.
    """
    try:
        from chaosfailover.emulator.topology import load
    except ImportError as exc:
        raise ConfigurationError(f"a rehearsal needs the emulator: {exc}") from exc
    try:
        load(_topology_file(settings.topology)).with_upstreams(settings.upstream)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{exc}{_looked(exc, settings)}") from exc


def _looked(error: Exception, settings: Settings) -> str:
    """
    Return the end of a sentence on a topology file that does not exist: where it was looked for.
    """
    absent = isinstance(error.__cause__, FileNotFoundError)
    if absent and not Path(settings.topology).is_absolute():
        return " beside the experiment or in the working directory"
    return ""


def _topology_file(name: str) -> str:
    from chaosfailover.emulator.topology import BUNDLED

    return name if name in BUNDLED else beside_experiment(name)


def outside(target: Target, services: Mapping[str, str] | None) -> str:
    """
    Return why a target is none that a cut of the emulator touches; "" if it is, or is `external`.

    It would seem to survive every cut. Without `services`, this is no rehearsal.
    """
    if services is None or target.external:
        return ""
    if _is_served(target, services):
        return ""
    listing = ", ".join(f"{name} {url}" for name, url in services.items()) or "none"
    return (
        f"{target.url} is no service of the topology, so that the rehearsal would prove nothing "
        f"about it; the services are {listing}; watch one of them, or set external: true for the "
        "target"
    )


def _is_served(target: Target, services: Mapping[str, str]) -> bool:
    return any(map(partial(_is_service, target), services.values()))


def unanswered(target: Target, problem: str, services: Mapping[str, str] | None) -> str:
    """
    Return why a target cannot be watched, with its address, and where a rehearsal serves what.
    """
    address = f"{target.scheme}://{target.host}{f':{target.port}' if target.port else ''}"
    if services is None or target.external or _is_served(target, services):
        return f"{address} {problem}"
    own = {target.name: url} if (url := services.get(target.name)) else services
    listing = " and ".join(f"{name} at {url}" for name, url in own.items()) or "nothing"
    return f"{address} {problem}; the topology serves {listing}"


def _is_service(target: Target, url: str) -> bool:
    service = urlsplit(url)
    datagrams = [scheme == "udp" for scheme in (target.scheme, service.scheme)]
    if target.port != service.port or datagrams[0] != datagrams[1]:
        return False
    return bool(_addresses(target.host) & _addresses(service.hostname or ""))


def _addresses(host: str) -> set[str]:
    try:
        return {str(address[0]) for *_, address in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _check_emulation(
    shortcomings: Mapping[str, str], services: Mapping[str, str], settings: Settings
) -> None:
    """
    Refuse a rehearsal whose verdict would be wrong, since this system cannot emulate a service.

    Only the services of the targets matter; without targets, all of them do.
    """
    watched = {target.port for target in settings.parsed_targets()}
    for name, reason in shortcomings.items():
        if not watched or urlsplit(services[name]).port in watched:
            raise ConfigurationError(
                f"service {name} cannot be emulated here, so the verdict would be wrong: {reason}"
            )


def _check_upstreams(services: Mapping[str, str], settings: Settings) -> None:
    """
    Refuse a rehearsal of a target behind whose service nothing listens: no network is to blame.

    The emulator accepts connections in the place of the service, which would seem to be reset.
    """
    from chaosfailover.emulator.topology import load

    connecting = [each for each in settings.parsed_targets() if each.scheme != "udp"]
    topology = load(_topology_file(settings.topology)).with_upstreams(settings.upstream)
    for name, upstream in ((each.name, each.upstream) for each in topology.services):
        if upstream and any(_is_service(each, services[name]) for each in connecting):
            _check_listens(name, upstream, settings.timeout)


def _check_behind(upstreams: Mapping[str, str], settings: Settings, place: str) -> None:
    """
    Refuse a rehearsal of one's own service if a running emulator has another one, or none, there.
    """
    from chaosfailover.emulator.services import upstream_from

    for name, text in settings.upstream.items():
        try:
            wanted, found = str(upstream_from(text, f"upstream.{name}")), upstreams.get(name)
        except ValueError as exc:
            raise ConfigurationError(str(exc)) from exc
        if wanted != found:
            raise ConfigurationError(
                f"upstream has {name}: {wanted}, but the emulator at {place} has "
                f"{found or 'an application of its own'} there: start it with "
                f"--upstream {name}={wanted}, or leave upstream out"
            )


def _check_listens(name: str, upstream: "Upstream", timeout: float) -> None:
    try:
        socket.create_connection(upstream, timeout).close()
    except OSError as exc:
        raise ConfigurationError(
            f"service {name}: its upstream {upstream} cannot be reached: {exc.strerror or exc}; "
            "start what is to answer there, or name another upstream"
        ) from exc
