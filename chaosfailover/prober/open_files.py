"""
The number of files that this process may open.
"""

import os
import resource
from pathlib import Path

__all__ = ["allow_open_files"]


def allow_open_files(more: int, reserve: int = 512) -> int:
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
    _grow_table(wanted - 1)
    return soft


def _grow_table(highest: int) -> None:
    try:
        os.fstat(highest)
    except OSError:
        with Path(os.devnull).open("rb") as spare:
            os.close(os.dup2(spare.fileno(), highest, inheritable=False))
