"""
The Chaos Toolkit extension for Alibaba Cloud Express Connect failover tests.
"""

__all__ = ["__version__", "discover", "load_exported_activities"]

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaoslib.types import DiscoveredActivities, Discovery

__version__ = "0.1.0"


def discover(discover_system: bool = True) -> "Discovery":
    """
    Describe this extension to `chaos discover`: every action, probe, tolerance and the control.

    With `discover_system`, also the account of the credentials in the environment, if any.
    """
    from chaoslib.discovery.discover import initialize_discovery_result

    discovery = initialize_discovery_result(
        "chaostoolkit-failover", __version__, "alibaba-cloud-failover"
    )
    discovery["activities"].extend(load_exported_activities())
    if discover_system:
        from chaosfailover.inspection.discovery import account_system

        discovery["system"] = account_system()
    return discovery


def load_exported_activities() -> "list[DiscoveredActivities]":
    """
    List every activity of this package, with its arguments and its documentation.
    """
    from chaoslib.discovery.discover import (
        discover_actions,
        discover_activities,
        discover_probes,
    )

    return [
        *discover_actions("chaosfailover.actions"),
        *discover_probes("chaosfailover.probes"),
        *discover_activities("chaosfailover.tolerances", "tolerance"),
        *discover_activities("chaosfailover.control", "control"),
    ]
