"""
The English catalogue.
"""

from collections.abc import Mapping

__all__ = ["ENGLISH"]

ENGLISH: Mapping[str, str] = {
    # Why a verdict: what ended the question
    "reason.aborted": "The run was aborted: {reason}.",
    "reason.safeguard": "The safeguard {name} stopped the run.",
    # what a conclusion needs
    "reason.dry": "It was a dry run ({dry}): what was left out proves nothing.",
    "reason.preflight": "The preflight check “{name}” did not hold: {detail}.",
    "reason.unsteady": "The steady state was not met before the cut: {probes}.",
    "reason.unread_before": "Nothing was observed before the cut: no hypothesis was read and no target checked.",
    "reason.cut_failed": "The action {name}, which cuts, failed: {error}.",
    "reason.no_cut": "Nothing was cut: no failover test was seen in the status Testing.",
    "reason.no_bite": "The cut of {test} did not bite: no circuit, VBR or BGP session changed its status, and nothing was lost.",
    "reason.lossy": "The baseline was lossy: {target} lost {lost} of {sent} checks before the cut.",
    # what contradicts the hypothesis
    "reason.deviated_after": "The hypothesis deviated after the method: {probes}.",
    "reason.deviated_during": "The hypothesis deviated during the method, in {count} of {total} readings: {probes}.",
    "reason.rto": "{target} was down for up to {at_most} s after the cut of {test}, longer than its RTO of {rto} s.",
    "reason.rto_open": "{target} had been down for at least {at_most} s when the cut of {test} was stopped, longer than its RTO of {rto} s.",
    "reason.unrecovered": "{target} did not come back before the cut of {test} was stopped.",
    "reason.down_at_end": "{target} was still down when the measurement ended.",
    "reason.rollback": "The rollback {name} failed: {error}.",
    # what keeps the run from having shown the whole
    "reason.running": "The failover test {test} may still run: {error}.",
    "reason.interrupted": "The run was interrupted before its end.",
    "reason.signal": "The run was interrupted by {name}.",
    "reason.action": "The action {name} failed: {error}.",
    "reason.probe": "The probe {name} of the method failed: {error}.",
    "reason.few_before": "{target} was checked only {sent} times before the cut: too few for a baseline.",
    "reason.few_during": "{target} was checked only {sent} times during the cut: too few for a measurement.",
    "reason.unmeasured": "{target} was not measured for {unmeasured} s of {duration} s.",
    "reason.unread_after": "Nothing was observed after the cut: no hypothesis was read and no target checked.",
    "reason.nothing": "Nothing was observed.",
    # what speaks for the network
    "reason.hypothesis_held": "The hypothesis was met after the method.",
    "reason.within_rto": "{target} was down for {at_least} to {at_most} s after the cut of {test}, within its RTO of {rto} s.",
    "reason.recovered": "{target} was down for {at_least} to {at_most} s after the cut of {test}; it has no RTO.",
    "reason.no_loss": "{target} lost nothing while {test} was on.",
}
