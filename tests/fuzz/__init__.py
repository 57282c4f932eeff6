"""Every parser of ours fed whatever can come: by the suite within bounds, by `python -m tests.fuzz` at length."""
