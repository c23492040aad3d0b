"""
The datagrams between an Echo check and the responder `chaos failover echo`.

A request has the nonce of its sender and a sequence number. The responder's reply is as long, and
tells which of the sender's last requests it received, so that the way out and the way back are told
apart. Any other echo service returns the request as it is.

    request   magic  nonce  number   zeros
    reply     magic  nonce  number   first  latest  received  bitmap

`first` is the number of the first request that the responder knows of: it may have been started, or
have forgotten the sender, before it. Bit i of the bitmap tells of request `latest` - i.
"""

import secrets
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from chaosfailover.outages.directions import BACK, MOST_REPORTED, NOT_KNOWN, OUT

__all__ = ["LENGTH", "Receipt", "Report", "Responder", "fate", "new_nonce", "read_reply", "request"]

HEAD = struct.Struct(">4s8sI")
STATE = struct.Struct(">III")
BITMAP = MOST_REPORTED // 8
LENGTH = HEAD.size + STATE.size + BITMAP
ASKS, ANSWERS = b"CFQ1", b"CFA1"
MOST_SENDERS = 4096
LARGEST = 2**32 - 1


class Report(NamedTuple):
    """
    What a responder has received of a sender: its requests from `first` to `latest`, by bits.
    """

    first: int
    latest: int
    received: int
    bitmap: bytes

    def has(self, number: int) -> bool | None:
        """
        Tell whether a request was received; None if the report does not cover it.
        """
        place = self.latest - number
        if number < self.first or not 0 <= place < MOST_REPORTED:
            return None
        return bool(self.bitmap[-1 - place // 8] >> place % 8 & 1)


@dataclass(slots=True)
class Receipt:
    """
    The sequence number of a check's datagram, and the report that came with its answer.
    """

    number: int
    report: Report | None = None


def new_nonce() -> bytes:
    """
    Return what tells a sender from others.
    """
    return secrets.token_bytes(8)


def request(nonce: bytes, number: int) -> bytes:
    """
    Return the request of a sender.
    """
    return HEAD.pack(ASKS, nonce, number).ljust(LENGTH, b"\0")


def read_reply(datagram: bytes, nonce: bytes) -> Receipt | None:
    """
    Read an answer, be it of a responder or a request that came back; None for anything else.
    """
    if len(datagram) != LENGTH:
        return None
    magic, whose, number = HEAD.unpack_from(datagram)
    if whose != nonce or magic not in (ASKS, ANSWERS):
        return None
    if magic == ASKS:
        return Receipt(number) if datagram == request(nonce, number) else None
    first, latest, received = STATE.unpack_from(datagram, HEAD.size)
    return Receipt(number, Report(first, latest, received, datagram[HEAD.size + STATE.size :]))


def fate(report: Report | None, latest: Report | None, number: int) -> str:
    """
    Tell on which way a request was lost, by the report that came with the next answer.

    A request that arrived after that report was made is not known: it was late, not lost.
    """
    received = report.has(number) if report else None
    if received is None:
        return NOT_KNOWN
    if received:
        return BACK
    return NOT_KNOWN if latest and latest.has(number) else OUT


@dataclass(slots=True)
class _Sender:
    first: int
    latest: int
    count: int = 0
    bits: int = 0

    def take(self, number: int) -> None:
        ahead = number - self.latest
        if ahead > 0:
            self.bits = self.bits << min(ahead, MOST_REPORTED) & (1 << MOST_REPORTED) - 1
            self.latest = number
        place = self.latest - number
        if place < MOST_REPORTED:
            self.bits |= 1 << place
        self.count = min(self.count + 1, LARGEST)


class Responder:
    """
    Answers requests and keeps what the last senders sent; of more, the one silent for longest goes.
    """

    def __init__(self) -> None:
        self._senders: OrderedDict[bytes, _Sender] = OrderedDict()

    def answer(self, datagram: bytes) -> bytes | None:
        """
        Return the reply to a request, which is not longer; None for any other datagram.

        Replies are no requests, so that two responders never answer each other.
        """
        if len(datagram) != LENGTH or datagram[:4] != ASKS:
            return None
        _, nonce, number = HEAD.unpack_from(datagram)
        sender = self._senders.pop(nonce, None) or _Sender(number, number)
        self._senders[nonce] = sender
        if len(self._senders) > MOST_SENDERS:
            self._senders.popitem(last=False)
        sender.take(number)
        state = STATE.pack(sender.first, sender.latest, sender.count)
        return HEAD.pack(ANSWERS, nonce, number) + state + sender.bits.to_bytes(BITMAP)
