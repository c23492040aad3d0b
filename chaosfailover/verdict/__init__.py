"""
The verdict: what a run proved, from its journal alone.

Theory of operation
-------------------

Everything here is a pure function of the journal. No clock, no network, no thread: the same journal
gives the same verdict on any machine, years later. The actors, in the order in which they act:

    journal.json          written by the toolkit and the control
        |
        |  journal.parse      the only door: `reader` and `values` read it, `series` on demand
        v
    Run  ------------------  frozen dataclasses, see `evidence`; `Run.damage` names unreadable parts
        |                    `job_history`: when each failover test was in which status
        |                    `recovery`: how long each target was down in each cut
        |                    `failover_time`: into which parts that divides, for the record
        |
        |  rules/             each rule reads the run and yields reasons: a key and its values
        |    execution        aborted, dry, refused, failed activities; had the cut an `effect`?
        |    hypothesis       readings before, during and after the method
        |    objectives       baseline, gaps, and recoveries against their RTO
        |    completeness     missing parts, and contradictions of the toolkit
        v
    reasons
        |  verdict.ORDER      the first group with a reason gives the verdict
        v
    Verdict  ------------->  record/ (the auditor's document)  ------------->  report/

Order of events
---------------

1. At the end of a run, `run.finish` calls `judge` with the journal as it is in memory.
2. The verdict is stored in the control's entry; the control sets `status` and `deviated` from it.
3. Redaction follows. It changes no evidence: `record.make_record` parses the redacted journal,
   once, every section of the record reads that `Run`, and the verdict is the same.
4. `report.render` may come years later. It parses the redacted journal, once, checks the stored
   record against it, and shows the graver of the two verdicts (`review`).

Invariants
----------

- The journal is parsed once for each of these steps. Behind `parse` nobody looks up a key.
- Missing is not damaged. The toolkit leaves out what did not happen; a part of the wrong shape is
  damage. Both read as absent, and only damage is reported.
- Unknown never counts for the network. A length without an upper bound is infinite, unmeasured time
  counts as lost, and a cut without a visible effect proves nothing.
- What had not settled before the way back began proves no failover, and has no end. The way back
  begins with the run's own stop, else right after the test was last seen to cut.
- Bounds are compared at their pessimistic end, `at_most`.
- `held` needs evidence for the network and no reason against it. One reason against it is enough.
- Reasons are keys with values. Sentences exist only in `i18n`, in every language.
- A deviation that was seen stays: an interruption that came later does not turn it into
  `inconclusive`. An abort outweighs everything.

To add a rule: yield a `Reason` in the file of `rules/` that it belongs to, give its key a place in
`verdict.ORDER`, and add the sentence to both catalogues. The tests name what is missing.
"""

__all__: list[str] = []
