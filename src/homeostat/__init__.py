"""Homeostat: why a network does not train, which knobs are connected, which setting is best."""

__version__ = "0.1.0"
