"""The installer of the offline bundle. The standard library alone: where it runs, nothing else is there."""
