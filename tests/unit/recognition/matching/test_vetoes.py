from __future__ import annotations

import numpy as np
import pytest

from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.matching.vetoes import RADIUS, Veto, bars


def at(*places: float) -> np.ndarray:
    row = np.zeros(8, np.float32)
    row[: len(places)] = places
    return row


def gallery(*vetoes: tuple[str, np.ndarray]) -> Gallery:
    rows = np.stack([at(0), at(1), at(0, 0.1)])
    return Gallery(("Ann", "Bob", "Ann"), rows, 0.6, 1, vetoes=tuple(Veto(*veto) for veto in vetoes))


def test_a_vetoed_face_and_its_like_go_to_the_next_person_or_nobody() -> None:
    face = at(0.45)
    assert gallery().match(face[None])[0][:2] == ("Ann", pytest.approx(0.45))
    taken_back = gallery(("Ann", face))
    for like in (face, at(0.45, 0.05), at(0.42)):
        match = taken_back.match(like[None])[0]
        assert match.name == "Bob" and match.distance == pytest.approx(float(np.linalg.norm(like - at(1))))
    both = gallery(("Ann", face), ("Bob", face))
    assert both.match(face[None])[0] == (None, None, 0.0)


def test_other_faces_of_the_person_keep_the_name() -> None:
    taken_back = gallery(("Ann", at(0.45)))
    for own in (at(0.1), at(-0.3), at(0, 0, 0.5)):
        assert taken_back.match(own[None])[0].name == "Ann"


def test_a_veto_bars_within_its_radius_even_where_a_photo_is_nearer() -> None:
    veto = (Veto("Ann", at(0)),)
    assert bars(veto, at(RADIUS - 0.01), "Ann", 0.01)
    assert not bars(veto, at(RADIUS + 0.01), "Ann", 0.01)
    assert bars(veto, at(0.5), "Ann", 0.51) and not bars(veto, at(0.5), "Bob", 0.51)


def test_beyond_the_threshold_nobody_is_named_and_the_nearest_distance_stays() -> None:
    match = gallery(("Ann", at(-0.7))).match(at(-0.7)[None])[0]
    assert match.name is None and match.distance == pytest.approx(0.7)


def test_vetoes_travel_with_the_gallery() -> None:
    sent = gallery(("Bob", at(3)), ("Ann", at(4)))
    back = Gallery.from_bytes(sent.to_bytes())
    assert [veto.name for veto in back.vetoes] == ["Bob", "Ann"]
    assert all(
        np.array_equal(a.embedding, b.embedding) for a, b in zip(back.vetoes, sent.vetoes, strict=True)
    )
    assert back.names == sent.names and np.array_equal(back.embeddings, sent.embeddings)
