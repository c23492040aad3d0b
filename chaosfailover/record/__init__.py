"""
The record of a game day for auditors: people, place, course, measurements and findings.
"""

from chaosfailover.record.digest import Record, schema
from chaosfailover.record.evidence import Evidence, EvidenceReader, is_evidence, read_evidence
from chaosfailover.record.record import make_record
from chaosfailover.record.verification import as_journal, is_record, stored

__all__ = [
    "Evidence",
    "EvidenceReader",
    "Record",
    "as_journal",
    "is_evidence",
    "is_record",
    "make_record",
    "read_evidence",
    "schema",
    "stored",
]
