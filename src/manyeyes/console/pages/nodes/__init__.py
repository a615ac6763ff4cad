"""The machines of the fleet: all of them, and each."""
