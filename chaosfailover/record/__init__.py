"""
The record of a game day for auditors: people, place, course, measurements and findings.
"""

from chaosfailover.record.digest import Record, schema
from chaosfailover.record.record import make_record
from chaosfailover.record.verification import as_journal, is_record, stored

__all__ = ["Record", "as_journal", "is_record", "make_record", "schema", "stored"]
