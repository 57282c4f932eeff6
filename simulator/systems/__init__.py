"""The hospital's systems, one a file: its servers and its partners', its switches, and how one would configure it."""
