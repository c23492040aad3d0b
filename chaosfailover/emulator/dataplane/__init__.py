"""
The data plane: loopback services whose traffic really stalls, moves to another path and returns.

It needs no privileges. Everything happens on one asyncio loop, in ordinary sockets.

Actors

    DataPlane      follows the course of each service, and wakes at each change of it
    ServiceState   the flow groups of one service and its ground truth
    FlowGroup      a share of the flows: which path they take now, and whether it delivers
    Listeners      the TCP sockets of a service; they lose new connections
    Relay          one TCP connection of a client, and what answers it
    Transit        one direction of a relay; it delays what a stall or a loss holds up
    Datagrams      the UDP socket of a service; it drops datagrams

                       +-- FlowGroup 0 --- path a
    service "portal" --+
                       +-- FlowGroup 1 --- path b

    client --SYN--> Listeners --> Relay:  client ==Transit==> application or upstream
                                          client <==Transit== application or upstream

How a path stalls, as seen by the client

    new connection       its SYN is dropped, so connect() hangs. The listening socket gets a backlog
                         of 0, and a connection of our own fills the accept queue; the kernel then
                         drops every further SYN. A backlog of 1024 opens it again at once.
    open connection      what arrives waits. It is tried again 200 ms later, then 400 ms, and so on,
                         as TCP repeats a lost segment, until the path delivers.
    datagram             it is lost.

A path may stall in one direction. Then an open connection delivers the other, and a datagram that
reaches the service loses its answer. A new connection hangs: its SYN is lost, or the answer to it.

Partial loss and equal-cost paths

    One listening socket cannot drop chosen connections. Several sockets share a port through
    SO_REUSEPORT, and the kernel spreads connections over them by a hash of addresses and ports.
    Each flow group has sockets of its own. A path that loses a share of its packets keeps that
    share of its sockets shut, drawn anew twice a second.

Invariants

    - A service's outage begins in the ground truth when its last socket has been shut, and ends
      when the first is about to be opened: within it, nothing that the share covers is delivered
      in the directions that it names.
    - The bytes of a direction arrive in order, once, whatever the paths do.
    - The connections that fill accept queues never reach an application or an upstream.
    - An upstream's refusals and resets reach the client at once: only a path can stall.
"""

from chaosfailover.emulator.dataplane.ground_truth import TrueOutage, TrueTime, true_time
from chaosfailover.emulator.dataplane.plane import DataPlane
from chaosfailover.emulator.dataplane.sockets import (
    PortTakenError,
    TakenPort,
    bound,
    collecting,
    other_ports,
)

__all__ = [
    "DataPlane",
    "PortTakenError",
    "TakenPort",
    "TrueOutage",
    "TrueTime",
    "bound",
    "collecting",
    "other_ports",
    "true_time",
]
