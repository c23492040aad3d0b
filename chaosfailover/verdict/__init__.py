"""
What a journal shows of cuts, of targets and of their recoveries.
"""

__all__: list[str] = []
