"""
The client of the Alibaba Cloud VPC API.
"""

__all__: list[str] = []
