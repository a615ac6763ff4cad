"""A node: the agent that joins, fetches the pack, keeps workers running and answers gateways.

In: dispatches, commands and what gateways tell all. Out: outcomes, heartbeats, log lines. `tasks/` takes pictures in and
sends outcomes, `worker/` runs them, `packs/` and `gallery/` fetch what workers need, `membership/` joins and finds the
master, `availability/` decides when to work, `commands/` runs what operators order.

What comes next is decided without I/O in `node_state.py` and `worker/slot_state.py`; `agent.py` and `worker/slot.py` carry
it out.
"""
