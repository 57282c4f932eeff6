"""Retabli: the engine that climbs ladders, judges, remembers and tells."""

__version__ = "0.1.0"
