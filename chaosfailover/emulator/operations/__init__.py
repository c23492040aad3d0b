"""
The operations of the emulated API: one row of the table and one handler each.

A handler takes a `Call` whose arguments have been read, and returns the document of the reply
without its RequestId, or raises a Refusal.
"""
