"""
The safety of a run: no cut without a proven survivor, and no test left running.

A failover test takes real circuits down, so every start and every stop of a run goes through this
package. The cloud ends a test by itself after its `JobDuration`; this package ends it earlier,
whatever happens to the run.

Actors
------

control       `control.py` and `run/`. Opens and closes everything below, in the toolkit's hooks.
preflight     `preflight.py`. Checks once, before the method, that the cuts may be made. It makes
              only Describe calls and dry runs.
approval      `cut.py`. `ApprovedCuts` are those that passed the preflight; others are refused.
guard         `guard.py`. The list of the tests that this run may have started, and the thread that
              stops them. The actions that cut enter by `check_cut` and `under_guard`.
watchdog      `watchdog.py`. A second process with a copy of the list. It stops the tests when the
              run is killed.
stopping      `stopping.py`. The loop that stops tests. The guard, the watchdog, the stop actions
              and `chaos failover stop` all call it.

Threads and processes
---------------------

main thread          hooks, activities, rollbacks. Background activities have threads of their own.
failover-guard       waits for one order, stops what is on the list, then ends.
failover-backup      starts a new watchdog when the old one died and a test may be running.
failover-signals     wakes the main thread for a signal, and orders the stop if that takes long.
failover-abort       one for each abort rule. Orders the stop, then interrupts the main thread.
watchdog process     a session of its own, so that a signal to the run's process group misses it.
                     It reads the list from a pipe. The embedded emulator needs none: it ends with
                     the run.

Order of events
---------------

    main thread                      failover-guard               watchdog process
    -----------                      --------------               ----------------
    start the watchdog, the guard    wait for an order            "ready"
    preflight, baseline, approval
    check_cut: approved? earlier
      tests Stopped? survivors?
    put the test on the list  -------------------------------->   {"watch": ...}
    send StartFailoverTestJob
    note the answer  ----------------------------------------->   {"watch": ...}
    wait for Testing, go on
    stop_failover_test (rollback)
      until Stopped, forget  --------------------------------->   {"forget": ...}
    after the experiment: restore -> stop what is left, forget ->   {"forget": ...}
    measure the way back, verdict
    list empty: dismiss  ------------------------------------->   {"done": true}, exit
    list not empty: alarm, close the pipe  ------------------->   take over

A signal or a breach gives `failover-guard` its order at once, at any point of this list. SIGKILL,
or a crash, closes the pipe without `done`, and the watchdog takes over.

The start of a test
-------------------

                         refused (4xx), each time
           +--------------------------------------------------> off the list
           |
    sent --+-- accepted ----------> runs --- seen Stopped ----> off the list
           |                         ^
           |                         | the start took effect
           +-- no answer, or 5xx -> open --- START_SETTLE ----> Init: it never started; off
                                     |
                                     +------ Init: deleted, so that a late start finds nothing; off

What the API shows may be older than what it did. An accepted test is therefore stopped even when it
is shown as Init, or not at all.

Invariants
----------

1.  A test is on the guard's list, and on the watchdog's, from before its start is sent until it was
    seen Stopped, or its start is known to have had no effect.
2.  Nothing is cut that the preflight has not approved, by resources, type and duration.
3.  Nothing is cut unless the survivors were read in the last CHECK_LIFETIME seconds. Each attempt
    to send the start compares the time again.
4.  A test is not started while an earlier test of the run was not seen Stopped.
5.  No start is sent after a stop was ordered. `watch` writes the list before it reads the reason,
    `restore` writes the reason before it reads the list.
6.  Unknown counts as no before a cut, and as running after it.
7.  `stop_tests` never raises, and a test that cannot be stopped delays the others by one request at
    most.
8.  The watchdog is dismissed only when the list is empty.
9.  Signal handlers wait for no lock and send no request: they queue the order and publish an event.
10. Credentials go to the watchdog through its pipe, never on a command line or to disk.
"""

__all__: list[str] = []
