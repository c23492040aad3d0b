"""
The HTTP face of the emulator.
"""
