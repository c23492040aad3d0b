"""
Targets to checks.
"""

from chaosfailover.probing.attempt import Check
from chaosfailover.probing.datagrams import Echo, Ping
from chaosfailover.probing.streams import Connect, KeptTalk, Talk
from chaosfailover.targets import Target

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
