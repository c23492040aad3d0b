"""
The inspection of an account: what the loss of each circuit would leave.
"""

__all__: list[str] = []
