"""
Whether anything would still carry the traffic, if resources were cut.
"""

__all__: list[str] = []
