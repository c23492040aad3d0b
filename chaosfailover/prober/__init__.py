"""
Open-loop checks of targets, in a background thread, and the measurement of one run.

Theory of operation
===================

The prober sends a check to each target at a constant rate and turns the results into samples.
A sample says: sent at this instant, answered after this time, or failed in this way.

Actors
------

-   `Prober` (prober.py) owns the thread, the lock and the clock. Callers use nothing else.
-   The dispatcher (dispatcher.py) is the event loop's main task. It runs one sender for each
    track and one task for each check under way.
-   A schedule (schedule.py) says when a target is due.
-   A check (check.py) is the way in which one flow is checked: tcp.py and http.py, udp.py,
    icmp.py. schemes.py maps a URL's scheme to its check. echo_datagrams.py has what UDP checks and
    the responder `chaos failover echo` send, by which the way out and the way back are told apart.
-   The resolver (resolver.py) caches the addresses of host names.
-   The starvation watch (starvation.py) sums up the time for which the event loop did not run,
    at a twentieth of the shortest time limit, so that it notices stalls from a quarter of it on.
-   A track (schedule.py) puts the samples of one flow into the order of sending and keeps them in
    a series of `chaosfailover.outages`. A checked target (checked_target.py) has one track, or one
    for each of its `flows`, and is down while any of them is.
-   The hop watch (hops.py) traces the ways to targets with `path`, each in a thread of its own. It
    sends no samples: its traces are events of the run.
-   The measurement (measurement.py) starts and stops the prober of a run, notes the instants of
    cuts and stops, and relates the outages to them.

    caller's threads        thread "prober", one event loop             daemon threads
    ................        ...............................             ..............

    Measurement             Dispatcher ---- StarvationWatch
        |                       |                  ^
        v                       | one for          | time missed
      Prober ---- start ------> | each flow        |
        |                       v                  |
        |                   sender --- due? -- Schedule
        |                       |
        |                       |--- addresses? -- Resolver ---------> getaddrinfo
        |                       v
        |                   check task --- time limit --> Check ----> network
        |                       |
        |                       | ticket, sample
        |       lock            v
        +---- summaries ----- Track --> Series --> on_change

Open loop
---------

A check is sent when it is due, whether or not those before it were answered. A loop that checks,
waits for the answer and then sleeps sends least while the target is down, and so sees too little
of the outage. The price is that checks of one target overlap and end in any order.

One check, in order
-------------------

1.  The sender sleeps until the schedule's next instant and asks the resolver for addresses. While
    the first lookup is under way, nothing is sent.
2.  The sender starts a task and advances the schedule. Instants that have passed are left out,
    since a burst measures nothing. A check for which no socket is left is counted as `unjudged`.
3.  The task notes the instant of sending, takes a ticket from the track, reads the starvation
    watch, and runs the check under the target's time limit.
4.  The check connects, to the next address too if one is slow (happy_eyeballs.py), sends, and
    judges the answer. It returns, or raises what went wrong.
5.  The task makes a sample. It makes none if the failure was ours: no socket was available, or
    the check timed out while the loop missed a quarter of the time limit, which turns a late answer
    into none. Such a check is counted as `unjudged`.
6.  The track stores the sample on the ticket, then moves the finished tickets at the head of its
    queue into the series. `on_change` is called for each outage that begins or ends.

Invariants
----------

-   Checks, tracks and the resolver's cache are used in the event loop alone. Other threads read
    tracks under the prober's lock.
-   Nothing blocks the event loop: names are looked up in daemon threads, one for each name.
-   A sample is judged by its instant of sending. Samples enter the series in that order, at most
    one time limit later.
-   Every ticket ends, with a sample or without, whatever a check raises. A lost ticket would hold
    up the series for good.
-   Time without a sample is a gap: neither up nor down. A failure of this process is never a
    failure of the target.
-   A check closes what it opened, however it ends. Only persistent targets and flows keep sockets,
    until the prober stops. What a check opens to keep, and what of it ends, its track notes.
-   Which way a check was lost is known with the next answer's report, and is written right before
    that answer: who reads the text later tells the same.
-   The checks never take the files that are set aside for the stop of a test (open_files.py). A
    prober whose targets would need them while all are down does not start.
-   All instants come from one clock that nobody sets and that goes on while the system sleeps.
    The wall clock is read once, at the start.
-   A time limit is below a second: the kernel then repeats a lost SYN, which would hide the loss.
"""

__all__: list[str] = []
