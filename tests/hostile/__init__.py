"""Hostile and broken partners, each met by every kind of probe that can meet it: `python -m tests.hostile` tells."""
