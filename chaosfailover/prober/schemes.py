"""
The check of each scheme.
"""

from chaosfailover.prober.check import Check
from chaosfailover.prober.icmp import Ping
from chaosfailover.prober.targets import Target
from chaosfailover.prober.tcp import Connect, Exchange, PersistentExchange
from chaosfailover.prober.udp import Echo

__all__ = ["make_check"]


def make_check(target: Target) -> Check:
    """
    Return the check of a target.

    Raises `ConfigurationError` if this process may not send ICMP.
    """
    if target.scheme == "udp":
        return Echo(target)
    if target.scheme == "icmp":
        return Ping(target)
    if target.scheme == "tcp" and target.expect is None:
        return Connect(target)
    return PersistentExchange(target) if target.persistent else Exchange(target)
