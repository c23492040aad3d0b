"""
What a call of the API is made of: identity, address, request, reply, pages and patience.
"""

__all__: list[str] = []
