"""
A plan of failover tests for an account: an experiment for each circuit, and their rehearsal.
"""

__all__: list[str] = []
