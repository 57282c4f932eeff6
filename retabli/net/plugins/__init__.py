"""Monitoring plugins: programs that judge by their exit status, run within bounds."""
