"""Facts: frozen, without I/O. Everything else in the house speaks these words."""
