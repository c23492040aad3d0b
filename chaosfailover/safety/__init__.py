"""
What stands between a cut and an outage: before it, while it lasts, and after the run has died.
"""

__all__: list[str] = []
