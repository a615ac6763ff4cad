"""The nodes: the list of them, the state of each, what each may send, and what operators want of them.

In: hellos, heartbeats, joins, the clock. Out: states of nodes, admissions, bans, probes, commands. `node_state`,
`probes`, `rate_limits`, `agent_sessions` and `node_list` decide, without I/O; the others carry out. Faces are not known here.
"""
