"""
The record of a game day for auditors: people, place, course, measurements and findings.
"""

from chaosfailover.record.digest import Record, schema, verify
from chaosfailover.record.record import RECORD_VERSION, make_record
from chaosfailover.record.verification import (
    STATES,
    Stored,
    as_journal,
    is_record,
    stored,
)

__all__ = [
    "RECORD_VERSION",
    "STATES",
    "Record",
    "Stored",
    "as_journal",
    "is_record",
    "make_record",
    "schema",
    "stored",
    "verify",
]
