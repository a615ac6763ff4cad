"""What is new from one heartbeat to the next."""

from __future__ import annotations

from manyeyes.contract import Heartbeat, HostFacts, WorkerReport
from manyeyes.monitoring.heartbeat_news import MOST_RESTARTS, HeartbeatNews, News

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


def heartbeat(session: str, restarts: int, pack: str = "p@1") -> Heartbeat:
    worker = WorkerReport(index=0, state="idle", restarts=restarts)
    return Heartbeat(state="ready", session=session, workers=(worker,), pack=pack, host=HOST)


def test_restarts_count_from_the_first_heartbeat_on_over_new_slots_and_new_agents() -> None:
    news = HeartbeatNews()
    said = [("1", 5), ("1", 7), ("1", 1), ("2", 3)]
    assert [news.heard("a", heartbeat(*one)).restarts for one in said] == [0, 2, 1, 3]
    assert news.heard("b", heartbeat("1", 5)).restarts == 0, "each node by itself"


def test_an_absurd_count_is_not_believed() -> None:
    news = HeartbeatNews()
    news.heard("a", heartbeat("1", 0))
    assert news.heard("a", heartbeat("1", 10**18)).restarts <= MOST_RESTARTS
    assert news.heard("a", heartbeat("1", 10**18)).restarts == 0


def test_another_pack_is_news_and_a_forgotten_node_is_new() -> None:
    news = HeartbeatNews()
    assert news.heard("a", heartbeat("1", 0)) == News(0, other_pack=True)
    assert news.heard("a", heartbeat("1", 0)) == News(0, other_pack=False)
    assert news.heard("a", heartbeat("1", 0, "p@2")) == News(0, other_pack=True)
    news.forget("a")
    assert news.heard("a", heartbeat("1", 9, "p@2")) == News(0, other_pack=True)
