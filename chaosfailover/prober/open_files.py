"""
The files that this process may open: what the checks need, and what is set aside for the stop.
"""

import contextlib
import os
import resource
from dataclasses import dataclass
from math import inf
from pathlib import Path

from chaosfailover.errors import ConfigurationError

__all__ = ["RESERVE", "Room", "allow_open_files"]

# Set aside for everything but the checks: the clients that stop tests, name servers and certificate
# authorities, another watchdog with its pipes, processes of activities, log, journal and record.
RESERVE = 32
# Twice what a lookup needs: a file and a socket.
FILES_PER_LOOKUP = 2


@dataclass(frozen=True, slots=True)
class Room:
    """
    The rule of how many files checks may hold: `per_check` for each address of a check under way,
    and never one of the last `reserve`.

    In the process of an embedded emulator, a check also holds the emulator's end.
    """

    per_check: int = 1
    reserve: int = RESERVE

    def take(self, checks: int, lookups: int, targets: int) -> float:
        """
        Make room for as many checks and lookups at once; return how many checks fit in all.

        Raises ConfigurationError if not even the hard limit has room for them.
        """
        aside = _open_files() + self.reserve + FILES_PER_LOOKUP * lookups
        needed = aside + self.per_check * checks
        limit = allow_open_files(needed)
        if limit < needed:
            raise ConfigurationError(
                f"measuring {targets} target{'s' * (targets > 1)} needs {needed} open files while "
                f"all are down, but the limit is {limit:g}: raise it with ulimit -n {needed}, or "
                "measure fewer targets, less often or with a shorter timeout"
            )
        return (limit - aside) / self.per_check


def allow_open_files(more: int, reserve: int = 512) -> float:
    """
    Make room for `more` sockets, by raising the soft limit if needed; return the limit.

    A hundred targets that hang hold a thousand sockets open, which is the usual soft limit. The
    kernel's table of files grows now: each doubling stops a process with threads for some 10 ms.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = more + reserve if hard == resource.RLIM_INFINITY else min(more + reserve, hard)
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    with contextlib.suppress(OSError):  # there is no file left to do it with
        _grow_table(wanted - 1)
    return inf if soft == resource.RLIM_INFINITY else soft


def _grow_table(highest: int) -> None:
    try:
        os.fstat(highest)
    except OSError:
        with Path(os.devnull).open("rb") as spare:
            os.close(os.dup2(spare.fileno(), highest, inheritable=False))


def _open_files() -> int:
    """
    Count the files that are open; without one to count them with, all are.
    """
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
