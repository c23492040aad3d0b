"""
An emulator of Alibaba Cloud's failover tests for Express Connect: the API, and a data plane whose
traffic really stops and really moves.

It stands on its own and imports nothing of the rest of the package.
"""

from chaosfailover.emulator.emulator import Emulator

__all__ = ["Emulator"]
