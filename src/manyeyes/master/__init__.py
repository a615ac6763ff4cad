"""The composition root of a master, and the router that gives each message of a node to its place. Nothing else."""
