"""Sends pictures to nodes and returns their outcomes.

In: pictures of users (`Dispatcher.submit`), and the credits, outcomes and held tasks that nodes report. Out: dispatches to
nodes, and for each picture exactly one answer or one error. `task_table` and `placement` decide, without I/O or clock;
`dispatcher` carries out, with `open_pictures` for the bytes, `outcomes` for what nodes send back, `confirmations` for what
nodes may forget, `idempotency` for answers under a key, and `statistics`. Nothing here knows what a result contains.
"""
