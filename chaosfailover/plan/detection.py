"""
How long the loss of a BGP session goes unnoticed: until BFD or the hold time finds it dead.
"""

from chaosfailover.alibaba.documents import BgpPeer, VirtualBorderRouter
from chaosfailover.network.documents import number

__all__ = ["BFD", "detection"]

INTERVAL, MULTIPLIER = 300, 3
BFD = MULTIPLIER * INTERVAL / 1000
"""How long BFD needs by default, in seconds: 3 x 300 ms (API reference 5.2)."""

HOLD = 30.0
"""The BGP hold time where the API names none."""


def detection(peer: BgpPeer, vbr: VirtualBorderRouter) -> float:
    """
    Return the seconds by what a BGP peer and its VBR are set to.

    BFD gives up after so many of the longer of its two intervals (RFC 5880, 6.8.4), where the
    other side is taken to be set as the VBR is.
    """
    if peer.get("EnableBfd") is not True:
        return float(number(peer, "Hold") or HOLD)
    intervals = [number(vbr, key) or INTERVAL for key in ("MinRxInterval", "MinTxInterval")]
    return (number(vbr, "DetectMultiplier") or MULTIPLIER) * max(intervals) / 1000
