"""
The commands of `chaos failover`, one module each.
"""

__all__: list[str] = []
