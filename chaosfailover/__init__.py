"""
The Chaos Toolkit extension for Alibaba Cloud Express Connect failover tests.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
