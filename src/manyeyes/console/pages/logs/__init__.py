"""Logs of all machines, and traces."""
