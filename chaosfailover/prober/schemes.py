"""
Targets to checks.
"""

from chaosfailover.prober.check import Check
from chaosfailover.prober.icmp import Ping
from chaosfailover.prober.targets import Target
from chaosfailover.prober.tcp import Connect, KeptTalk, Talk
from chaosfailover.prober.udp import Echo

__all__ = ["make_check"]


def make_check(target: Target) -> Check:
    """
    Return the check of a target.

    Raises `ConfigurationError` if the system does not let us send ICMP.
    """
    if target.scheme == "udp":
        return Echo(target)
    if target.scheme == "icmp":
        return Ping(target)
    if target.scheme == "tcp" and target.expect is None:
        return Connect(target)
    return KeptTalk(target) if target.persistent else Talk(target)
