"""What nodes are told is newest, and when."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.unit.call_recorder import CallRecorder

from manyeyes import contract
from manyeyes.contract import StateBroadcast
from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.master.state_broadcast import StateBroadcaster
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store


def test_a_changed_gallery_is_told_to_nodes_and_pages_at_once(store: Store) -> None:
    said: list[StateBroadcast] = []

    def send(subject: str, data: bytes) -> None:
        assert subject == contract.STATE_SUBJECT
        said.append(StateBroadcast.model_validate_json(data))

    link: Any = SimpleNamespace(send=send)
    pages: Any = CallRecorder()
    gallery = GalleryVersion(store.gallery)
    broadcaster = StateBroadcaster(link, "g", gallery, "digest", pages)
    assert broadcaster.sent_at == float("-inf") and said == []
    broadcaster.send()
    store.photos.enrol("Ada", "e", [Photo("1", bytes(8))])
    broadcaster.send()
    asyncio.run(broadcaster.gallery_changed())
    first, unchanged, newest = said
    assert (first.gateway, first.pack) == ("g", "digest")
    assert first.gallery_version == unchanged.gallery_version < newest.gallery_version
    assert newest.gallery_version == gallery.number == store.gallery.version
    assert broadcaster.sent_at == newest.sent_s and pages.calls == [("notify", "people")]
