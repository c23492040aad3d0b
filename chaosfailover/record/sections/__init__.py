"""
The sections of the record.
"""
