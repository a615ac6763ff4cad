"""The composition root of a master, its clock, the router of node messages, and the recognition of one picture."""
