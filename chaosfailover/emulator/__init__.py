"""
An emulator of Alibaba Cloud's failover tests for Express Connect: the API, and a data plane whose
traffic really stops and really moves.

It stands on its own and imports nothing of the rest of the package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaosfailover.emulator.emulator import Emulator

__all__ = ["Emulator"]


def __getattr__(name: str) -> Any:
    """
    Import the emulator when it is first asked for: pytest loads this package in every run.
    """
    if name != "Emulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chaosfailover.emulator.emulator import Emulator

    return Emulator
