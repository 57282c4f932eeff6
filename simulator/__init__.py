"""A hospital and its partners in one process, on loopback, as real sockets, with a switch for each flow."""
