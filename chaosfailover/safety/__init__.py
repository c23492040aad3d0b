"""
The safety of a run: no cut without a proven survivor, and nothing left down.

A failover test takes real circuits down, so every start and every stop of a run goes through this
package. The cloud ends a test by itself after its `JobDuration`; this package ends it earlier,
whatever happens to the run, and then waits until what was cut is seen back.

Actors
------

control       `control.py` and `run/`. Opens and closes everything below, in the toolkit's hooks.
preflight     `preflight.py`. Checks once, before the method, that the cuts may be made, and reads
              what each will take and its state. It makes only Describe calls and dry runs.
approval      `cut.py`. `ApprovedCuts` are those that passed the preflight; others are refused.
guard         `guard.py`. The list of the tests that this run may have started, and the thread that
              stops them. The actions that cut enter by `check_cut` and `under_guard`.
observer      `observer.py`. Reads jobs and resources once a second, and makes events of changes.
routes        `route_checks.py` reads routes and traffic once for the preflight, `route_watch.py`
              reads routes again while the run goes on, and makes events of what moves.
observation   `observation.py`. What was seen of one test. Whoever reads the API writes here.
watchdogs     `watchdog.py`. Two more processes with a copy of the list. They stop the tests when
              the run is killed, and look for what the run had to leave.
stopping      `stopping.py`. The machine that stops a test and sees it back. The guard, the
              watchdogs, the stop actions and `chaos failover stop` all run it.
requests      `requests.py`. The requests that machines ask for, and the driver that sends them.
log           `bounded_log.py`. A terminal or a pipe that takes no line delays no stop.

Threads and processes
---------------------

main thread          hooks, activities, rollbacks. Background activities have threads of their own.
failover-guard       waits for one order, stops what is on the list, then ends.
failover-observer    reads until the measurement has ended; it asks nothing while a test is stopped.
failover-routes      reads route tables every 5 s; it begins no read while a test is stopped.
failover-watchdog    one for each watchdog: notices its death at once, and starts another.
failover-signals     wakes the main thread for a signal, and orders the stop if that takes long.
failover-abort       one for each abort rule. Orders the stop, then interrupts the main thread.
watchdog processes   two, in sessions of their own, so that a signal to the run's process group
                     misses them. Each reads the list from a pipe. When the run is gone, the first
                     acts at once and the spare a second later: a stop that is sent twice does no
                     harm. The embedded emulator needs none: it ends with the run.

`Stopping` and `Observer` are generators without input or output of their own. They yield requests,
and get replies, errors and the time from outside. The guard and the watchdogs take clock, sleep and
threads as arguments. So any schedule can be played through them, and `tests/crashes/` does.

Order of events
---------------

    main thread                      failover-guard               watchdog processes
    -----------                      --------------               ------------------
    start watchdogs, guard           wait for an order            "ready"
    preflight: states before
    baseline, approval
    start the observer
    check_cut: approved? earlier
      tests over? survivors?
    put the test on the list  -------------------------------->   {"watch": ...}
    send StartFailoverTestJob
    note the answer  ----------------------------------------->   {"watch": ...}
    wait for Testing, go on
    wait until it has settled
    stop_failover_test (rollback)
      until Stopped and back, forget  ------------------------>   {"forget": ...}
    after the experiment: restore -> stop what is left until
                                     it is back, forget  ----->   {"forget": ...}
    measure the way back, verdict
    list empty: dismiss  ------------------------------------->   {"done": true}, exit
    list not empty: alarm  ----------------------------------->   {"leave": why}, take over

A signal or a breach gives `failover-guard` its order at once, at any point of this list. SIGKILL,
or a crash, closes the pipe without `done` or `leave`, and the watchdogs take over.

The life of a test
------------------

                         refused (4xx), each time
           +--------------------------------------------------> off the list
           |
    sent --+-- accepted ----------> runs --- seen Stopped ----> ended --- seen as before --> off
           |                         ^                           |
           |                         | the start took effect     +-- restore_timeout: alarm,
           |                         |                               stays on the list
           +-- no answer, or 5xx -> open --- Init, and created by the run: deleted --------> off
                                     |
                                     +------ LATEST_START has passed: it never started ----> off

A start without an answer is looked for until its signature is no longer valid. So is one that was
refused, if its test then shows a status that is none of the documented ones. The run looks for
START_SETTLE seconds at its end, then leaves it to the watchdogs. Process 1 of a container waits
itself, since its watchdogs would die with it.

What the API shows may be older than what it did. An accepted test is therefore stopped even when it
is shown as Init, or not at all. Any status but `Init` and `Stopped` may mean that it runs. A test
that the API calls `Deleted`, or no longer knows, is stopped too. It is over once what it took was
seen down and is back, or once its planned end has passed and what it took is in service.

A run that was refused, or ended before its method, has sent nothing that creates or starts a test:
its rollbacks by name send nothing. `guard.has_made_nothing` knows, from the hook before the
experiment and from whether a creation or a start was sent, answered or not.

Invariants
----------

1.  A test is on the guard's list, and on the watchdogs', from before its start is sent until it was
    seen to end and everything that it took was seen as before, or its start is known to have had no
    effect.
2.  Nothing is cut that the preflight has not approved, by resources, type and duration.
3.  Nothing is cut unless the survivors were read in the last CHECK_LIFETIME seconds. Each attempt
    to send the start compares the time again.
4.  A test is not started while an earlier test of the run is not over.
5.  No start is sent after a stop was ordered. `watch` writes the list before it reads the reason,
    `restore` writes the reason before it reads the list.
6.  Unknown counts as no before a cut, as running during it, and as not back after it. What was
    asked for before the end of a test says nothing about what came after. Back is measured by the
    best state that was seen before the start was sent.
7.  `stop_tests` never raises. A test that cannot be stopped delays the others only by the request
    that is being sent.
8.  The watchdogs are dismissed only when the list is empty.
9.  Signal handlers wait for no lock and send no request: they queue the order and publish an event.
    Once all tests have ended, a further signal ends the wait for what is not back.
10. Credentials go to the watchdogs through their pipes, never on a command line or to disk.
"""

__all__: list[str] = []
