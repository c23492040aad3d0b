"""
From the circuits of an account to a plan of game days: what is tested, in which files.
"""

__all__: list[str] = []
