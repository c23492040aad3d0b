"""
One run of an experiment under the control, from its settings to its journal entry.

    control (hooks)
      validate            -> check_declarations, Settings.check
      before experiment   -> check_declarations, Settings.parse -> Session.begin
                               open_evidence          the journal in fragments, from here on
                               open_live_page         a process that shows them, if asked for
                               check_files            the report and the record can be written
                               Interruption.install   signals
                               open_venue             emulator, or watchdog
                               Guard, Measurement     safety and prober
                               make_ready             planned cuts, preflight, baseline,
                                                      announcement, confirmation -> approval
                               AbortWatch             one thread for each abort rule
      after activity      -> evaluate                 tolerances of probes outside the hypothesis
                             RunEvidence              every activity and reading, as it ends
      before rollbacks    -> Session.begin_to_end     signals are only noted from here on
      after experiment    -> Session.end
                               Guard.restore          stop what still runs
                               measure the way back
                               make_entry             the journal's key `failover`
                               conclude               verdict; then hide secrets; record, report,
                                                      live page, and the summary in the log
      cleanup             -> Session.close            on every way out that can be caught

`RunFacts` collects what the entry needs while the run goes on; events reach it from every thread.
The evidence file gets the same events, and `record.evidence` makes the same journal of it: a test
compares both. It has a thread of its own, see `events.evidence_file`.
Whatever fails before the method raises, and the control turns it into InterruptExecution: nothing
is cut. Whatever fails afterwards is logged and makes the run `failed`, since the toolkit swallows
what a control raises. The theory of operation of the safety parts is in `chaosfailover.safety`.
"""

from collections.abc import Mapping, MutableMapping

__all__ = ["Activity", "Configuration", "Experiment", "Secrets"]

# As chaoslib.types has them, whose own definitions carry no types.
Activity = Mapping[str, object]
Configuration = MutableMapping[str, object]
Experiment = Mapping[str, object]
Secrets = Mapping[str, object]
