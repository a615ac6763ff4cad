"""Pictures in, outcomes back: what a gateway does with the tasks that it takes in.

In: pictures of users (`Dispatcher.submit`), and what nodes say of credits, outcomes and holdings. Out: dispatches to
nodes, and for each picture exactly one answer or one error. `task_table` and `placement` decide, without I/O or clock;
`dispatcher` carries out, with `open_pictures` for the bytes, `outcomes` for what nodes send back, `confirmations` for what
nodes may forget, `idempotency` for answers under a key, and `statistics`. Nothing here knows what a result says.
"""
