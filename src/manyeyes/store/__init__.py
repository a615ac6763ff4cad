"""What a master keeps on disk in SQLite: nodes, credentials, sessions, audit, people, merges, settings, unknown faces, logs.

In: changes with plain arguments, each one call and one transaction, or part of one that the caller opened. Out: rows, frozen dataclasses. No other folder
writes SQL. `repositories.Store` opens the master's file; unknown faces and logs have files of their own.
"""
