"""
A valve on a socket: what arrives is dropped by the kernel, in part or in full, while it is shut.

On Linux a classic BPF socket filter does it: a listening socket drops SYNs, a connection drops
segments, a UDP socket drops datagrams, so that a stalled path looks stalled from outside. It needs
no privileges. Where it does not work, callers hold the traffic themselves.
"""

import contextlib
import ctypes
import socket
import struct
import sys
from functools import cache
from typing import Protocol

__all__ = ["Filterable", "turn", "works"]

SOL_SOCKET, SO_ATTACH_FILTER, SO_DETACH_FILTER = 1, 26, 27
LOAD_WORD, JUMP_IF_GREATER, RETURN = 0x20, 0x25, 0x06
RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM: a random 32-bit word
KEEP, DROP = 0xFFFFFFFF, 0

Instruction = tuple[int, int, int, int]


class Filterable(Protocol):
    """
    A socket, as far as it is needed here.
    """

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None:
        """
        Set an option.
        """


@cache
def works() -> bool:
    """
    Say whether this system drops what a filter tells it to; some accept filters and do nothing.
    """
    if sys.platform != "linux":
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        try:
            turn(sock, loss=1.0)
        except OSError:
            return False
        return not _arrives(sock)


def _arrives(sock: socket.socket) -> bool:
    """
    Say whether a datagram that a socket sends to itself arrives; on loopback it does so at once.
    """
    sock.sendto(b"x", sock.getsockname())
    try:
        return bool(sock.recv(1))
    except BlockingIOError:
        return False


def turn(sock: Filterable, *, loss: float) -> None:
    """
    Drop a share of what arrives at a socket: 0 nothing, 1 everything. OSError if it cannot be.
    """
    if not loss:
        _detach(sock)
    elif loss >= 1:
        _attach(sock, [(RETURN, 0, 0, DROP)])
    else:
        _attach(
            sock,
            [
                (LOAD_WORD, 0, 0, RANDOM),
                (JUMP_IF_GREATER, 1, 0, int(loss * 0xFFFFFFFF)),
                (RETURN, 0, 0, DROP),
                (RETURN, 0, 0, KEEP),
            ],
        )


def _attach(sock: Filterable, instructions: list[Instruction]) -> None:
    packed = b"".join(struct.pack("HBBI", *each) for each in instructions)
    buffer = ctypes.create_string_buffer(packed)
    program = struct.pack("HL", len(instructions), ctypes.addressof(buffer))
    sock.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, program)


def _detach(sock: Filterable) -> None:
    with contextlib.suppress(FileNotFoundError):  # there was no filter
        sock.setsockopt(SOL_SOCKET, SO_DETACH_FILTER, struct.pack("i", 0))
