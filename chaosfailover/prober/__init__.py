"""
What happens in the prober's thread: checks, their schedule and their time limits.
"""

__all__: list[str] = []
