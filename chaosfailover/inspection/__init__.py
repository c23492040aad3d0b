"""
What the circuits of regions and accounts are, and which of them would hurt.
"""

__all__: list[str] = []
