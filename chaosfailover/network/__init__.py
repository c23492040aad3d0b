"""
The network of a region, and what survives the cut of some of its resources.
"""

__all__: list[str] = []
