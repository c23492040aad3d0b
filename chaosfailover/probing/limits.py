"""
The number of files that this process may open.
"""

import resource

__all__ = ["allow_open_files"]


def allow_open_files(more: int, reserve: int = 512) -> int:
    """
    Raise the soft limit if it might not suffice for `more` sockets; return the limit.

    A hundred targets that hang hold a thousand sockets open, which is the usual soft limit. The
    hard limit is never touched.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = more + reserve if hard == resource.RLIM_INFINITY else min(more + reserve, hard)
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
