"""What a master keeps on disk in SQLite: nodes, credentials, people, unknown faces, the index of logs.

In: changes with plain arguments. Out: rows. No other room writes SQL.
"""
