"""
An emulator of Alibaba Cloud's failover tests for Express Connect: the API, and a data plane whose
traffic really stalls and really moves to another path.

It imports nothing of the rest of the package, so that it cannot share a mistake with the client.

Actors

    Emulator       starts and stops everything; the public class
    Cloud          all state, and the lock around it
    Clock          emulated time: real time, scaled and moved
    Ledger         the jobs, and the replies that client tokens got
    StateFile      the ledger and the clock in SQLite; optional
    ArmedFaults    the faults that still wait for a call to act on
    Network        circuits, VBRs, BGP groups and peers, and the fabrics that join VBRs; immutable,
                   a change replaces it
    API            api.py: admits a request, performs its operation, writes the reply
    Admin          web/admin.py: lets a test look at the cloud and change it
    DataPlane      dataplane/: the services whose traffic a cut hits
    Server         web/server.py: one thread, one asyncio loop, for HTTP and the data plane

       SDK, chaos run               the user's clients and probes
            | HTTP                              | TCP, UDP
    +-------v---------- Server: one thread -----v---------------+
    |  web/dns_rebinding.py                  DataPlane          |       test, in process
    +-------|-----------------------------------^---------------+             | Emulator.handle()
            v                                   | courses                     |
      API or Admin <----------------------------|-----------------------------+
            | held()                            | held()
            v                                   |
          Cloud --------------------------------+
            |-- Clock, Network, ArmedFaults, RequestLog
            +-- Ledger --> StateFile

The lock

    State is read and written within `with cloud.held() as now` only. It advances every job to
    `now` first, so no caller sees an outdated status. The server thread and the threads of a test
    take turns. A thread that waits for the lock gives up when the emulator is stopped.

One request

    1. The server reads it, and turns web pages away.                    web/server.py
    2. The lock is taken, and a request ID drawn.                        api.py
    3. The operation is looked up, and the signature verified.           signatures.py
    4. A fault `before` may answer instead; then go to step 8.           faults/
    5. RAM, the parameters and the region are checked.                   operations/parameters.py
    6. A client token that was used before gets its first reply again.   ledger.py
    7. The handler checks its rules and saves what it changes; the
       state file is committed, and the data plane is woken.             operations/
    8. Faults may alter the document, the reply and its delay.           faults/
    9. The request is logged, and the lock released.                     request_log.py
    10. The reply is sent after its delay, or lost as a fault says.

One job, from Init to Stopped

    Init       CreateFailoverTestJob stores it with the length of each status to come.
    Starting   StartFailoverTestJob, or Create with StartNow. Nothing is down yet. A late start
               waits as `starts_at`; the rules are checked again when it takes effect.
    Testing    Its resources are down, with all that stands on them. Their paths stall until
               routing detects it; then the flows move to the next path that is in service.
    Stopping   The duration is over, or StopFailoverTestJob was called.
    Stopped    The resources are back (a setting: already on Stopping), save for the job's
               aftermaths, which faults leave on it (downtime.py). After `revert_delay` the
               flows move back, with a loss of `revert_loss`.

    No timer moves a job. Its history and the lengths say when each status began or will begin, so
    `advanced(job, now)` computes its status, after a clock jump or a restart as well. In the same
    way `courses()` computes the whole course of a service's traffic, past and to come. The data
    plane takes the segment of now, and sets one timer to the next one. `lost_sessions()` computes
    from the same intervals whose routes are listed.

Pure modules, which take time and seeds as arguments

    job, downtime, detection, fabrics, route_entries, routing, loads, resources, services, settings,
    schema, signatures, and of operations/ filters, parameters, rendering, rules

Invariants

    - A refused call changes no job.
    - A change is committed to the state file before its reply is sent.
    - The same seed, topology and calls give the same IDs, lengths and faults. Each start on a
      state file draws IDs of its own.
    - Jobs and paths follow emulated time; signatures, `Date` and connections follow real time.
    - What a person wrote (topology, fault, admin request, state file) passes a schema once; behind
      it there are only typed values.
    - A message of the API is the provider's own, to the letter.

Where to add something, in order

    a product          its row in operations/products.py, and its section in operations/table.py
    an operation       its row in its product's section of operations/table.py, a new parameter
                       also in `Arguments` of operations/parameters.py; then its handler, and a
                       line of HANDLERS, in a module of operations/ that api.py knows
    an error code      its row in error_codes.py
    a fault            its row in faults/kinds.py; a new key also in `Fault` of faults/fault.py
    a topology key     a field of the class that holds it: `PlannedJob` in topology.py, `Route` and
                       `ServiceEntry` in services.py, `AccessKey` in access_keys.py, `Settings` in
                       settings.py, `Ecr` and `Cen` in fabrics.py, `Load` in loads.py; a new
                       section is a row of TOPOLOGY in topology.py
    a resource field   its default in resource_fields.py, of router interfaces and VPNs in
                       backup_fields.py
    a metric           its row in METRICS of operations/metrics.py

    Then run `python tests/helpers/readme_tables.py`, which writes the tables of README.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaosfailover.emulator.emulator import Emulator

__all__ = ["Emulator"]


def __getattr__(name: str) -> object:
    """
    Import the emulator on first use, as pytest loads this package in every run.
    """
    if name != "Emulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chaosfailover.emulator.emulator import Emulator

    return Emulator
