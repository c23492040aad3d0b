"""
From samples to outages and recovery times, as pure functions of data.

Theory of operation
===================

A sample is the result of one check. A success proves that the path was up at some moment between
sending and answer; a failure proves that it was down at some moment from sending on. So every
length is a `Length`, a lower and an upper bound, and a promise is held against the upper one.

    samples     . . . x x x . . . . .      one each p seconds
                    ^ |   | ^
                    s f   l s'
                      |---|                at least (n-1)p, with n = 3 lost in a row
                    |-------|              at most  (n+1)p

1.  samples.py: equal results in a row become one `Run`. Time without samples for more than two
    intervals is a `Gap`: neither up nor down.
2.  outage.py: a maximal run of failures is an `Outage`. With instant answers it lasted between
    `(n-1)p` and `(n+1)p`. Answers that take long, late sending and gaps widen the bounds.
3.  partial_loss.py: where only a share of the flows is lost, successes lie within the outage. Then
    the bounds reach further, by as many successes as chance may deal at the share observed.
4.  flapping.py: losses that return within 5 s, the recovery hold, are one spell, since a network
    that flaps has not recovered.
5.  flapping.py, too: the first spell between cut and stop is the failover time, the first one
    after the stop is the reversion time (RFC 6414).

        cut                                  stop
         |  . x x x . . x x . . . . . . . . . |  . . x x . . . .
              |- failover --|                        |---| reversion

6.  settled.py: what was lost less than 5 s before the stop is not over, and has no end.

first_loss.py has from when to when the first spell of a phase lasted, between two bounds each.
series.py keeps all samples of a flow in bounded memory, histogram.py their round trips, and
summary.py puts the results of one target and one cut together.

A target has one flow, of which each check is a connection of its own, or several that are kept
(flow.py): source ports or connections. pooled.py takes them together: the worst flow's lengths, the
counts of all. cut_details.py tells them apart. Where a responder answers, directions.py has a
series for the way out and one for the way back.
"""

__all__: list[str] = []
