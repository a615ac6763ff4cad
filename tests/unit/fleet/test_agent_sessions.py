"""One identity, one process, by a clock of our own."""

from __future__ import annotations

from manyeyes.fleet.agent_sessions import AgentSessions


def test_a_second_session_is_held_off_while_the_first_is_heard() -> None:
    sessions = AgentSessions(silent_s=7)
    assert sessions.heard("a", "one", 0)
    assert not sessions.heard("a", "two", 5)
    assert sessions.heard("a", "one", 6)
    assert not sessions.heard("a", "two", 13)
    assert sessions.heard("a", "two", 13.1)
    assert not sessions.heard("a", "one", 14), "who was silent too long has lost the name"
    assert sessions.heard("b", "one", 14)


def test_a_goodbye_frees_the_name_for_its_own_session_only() -> None:
    sessions = AgentSessions(silent_s=7)
    sessions.heard("a", "one", 0)
    assert not sessions.ended("a", "two")
    assert not sessions.heard("a", "two", 1)
    assert sessions.ended("a", "one")
    assert sessions.heard("a", "two", 1)


def test_life_is_proved_by_speaking_after_the_question() -> None:
    sessions = AgentSessions(silent_s=7)
    sessions.heard("a", "one", 0)
    assert not sessions.alive_since("a", 1)
    sessions.heard("a", "one", 2)
    assert sessions.alive_since("a", 1)
    sessions.forget("a")
    assert not sessions.alive_since("a", 1)


def test_who_holds_a_name() -> None:
    sessions = AgentSessions(silent_s=7)
    assert not sessions.holds("a", "one")
    sessions.heard("a", "one", 0)
    assert sessions.holds("a", "one")
    assert not sessions.holds("a", "two")
    sessions.heard("a", "two", 20)
    assert not sessions.holds("a", "one")
