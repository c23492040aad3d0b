"""
One run of an experiment under the control, from its settings to its verdict.
"""

__all__: list[str] = []
