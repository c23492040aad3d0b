"""
What the samples of a target amount to.
"""

__all__: list[str] = []
