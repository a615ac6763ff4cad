"""Attacks on a running master, by a node with a valid identity and by a stranger; `make attacks` prints the table.

Each attack is a function of the scene that tries something for real and returns what came of it, in words; it
raises AssertionError where the attacker got what it wanted. The tests run the same functions.
"""
