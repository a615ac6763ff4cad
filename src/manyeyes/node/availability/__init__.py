"""When a node works: what the operator wants, what else the machine does, its memory and its disk."""
