"""What proves that a flow is closed: attempts that must be denied, and controls that give a denial its meaning."""
