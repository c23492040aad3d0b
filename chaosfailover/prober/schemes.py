"""
The check of each scheme.
"""

from chaosfailover.prober.check import Check
from chaosfailover.prober.icmp import Ping
from chaosfailover.prober.targets import Target
from chaosfailover.prober.tcp import Connect, Exchange, HeldExchange, PersistentExchange
from chaosfailover.prober.udp import Echo, KeptEcho

__all__ = ["make_check"]


def make_check(target: Target) -> Check:
    """
    Return the check of a target, or of one of its flows.

    Raises `ConfigurationError` if this process may not send ICMP.
    """
    if target.scheme == "udp":
        return KeptEcho(target) if target.flows else Echo(target)
    if target.scheme == "icmp":
        return Ping(target)
    if target.scheme == "tcp" and target.expect is None:
        return Connect(target)
    if target.flows:
        return HeldExchange(target)
    return PersistentExchange(target) if target.persistent else Exchange(target)
