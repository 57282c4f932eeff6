"""The point of situation."""
