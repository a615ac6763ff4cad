"""Who may do what: API keys, the sessions of browsers, and the audit log of what was done.

In: credentials as a request brings them, and what an operator does. Out: the caller and its role, or a refusal; entries
of the audit chain. Roles and how long a session lasts may be changed here alone.
"""
