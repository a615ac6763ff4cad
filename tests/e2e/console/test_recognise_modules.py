"""The modules of the page Recognise by themselves, in a browser."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from playwright.sync_api import Page

from manyeyes.sdk.patience import Patience
from tests.e2e.conftest import Up
from tests.e2e.console.conftest import Consoles


@pytest.fixture
def page(up: Up, consoles: Consoles) -> Page:
    return consoles.open(up, "/recognise", "user")


def _run(page: Page, module: str, body: str, *given: Any) -> Any:
    """What a function body gives, with `it` the module and `given` the arguments."""
    return page.evaluate(
        f"async given => {{ const it = await import('manyeyes-recognise/{module}.js'); {body} }}", list(given)
    )


def test_pauses_are_those_of_the_python_client(page: Page) -> None:
    own = Patience(total_s=600)
    tries = [
        (attempts, elapsed_s, retry_after_s)
        for attempts in (1, 2, 7, 40)
        for elapsed_s in (0.0, 590.0)
        for retry_after_s in (None, 1.0, 30.0)
    ]
    expected = [own.wait_s(*each, luck=0.5) for each in tries]
    assert None in expected
    body = "return given[0].map(each => it.pause_s(...each, 0.5))"
    found = _run(page, "patience", body, [list(each) for each in tries])
    assert found == [None if pause_s is None else pytest.approx(pause_s) for pause_s in expected]


def test_names_of_predicted_pictures(page: Page) -> None:
    expected = {
        ("a.jpg", "image/jpeg"): "a.jpg",
        ("A.JPEG", "image/jpeg"): "A.JPEG",
        ("holiday.heic", "image/jpeg"): "holiday.heic.jpg",
        ("x/scan.tif", "image/png"): "x/scan.tif.png",
        ("photo.png", "image/jpeg"): "photo.png.jpg",
        ("noname", "image/webp"): "noname.webp",
    }
    body = "return given[0].map(each => it.predictedName(...each))"
    assert _run(page, "saving", body, [list(each) for each in expected]) == list(expected.values())


def test_names_in_a_zip_stay_below_its_folder_and_differ(page: Page) -> None:
    paths = ["../../etc/a.jpg", "/etc/a.jpg", "ETC/A.jpg", "..", "a:b\u0001.jpg", ".hidden", ".hidden"]
    body = "const taken = new Set(); return given[0].map(path => it.freeName(path, taken))"
    assert _run(page, "saving", body, paths) == [
        "etc/a.jpg", "etc/a-2.jpg", "ETC/A-3.jpg", "picture", "a_b_.jpg", ".hidden", ".hidden-2",
    ]  # fmt: skip


def test_a_zip_is_whole(page: Page) -> None:
    files = {"ä/ü.bin": bytes(range(256)) * 40, "empty": b""}
    body = """const files = given[0].map(([path, bytes]) => ({path, content: new Blob([Uint8Array.from(bytes)])}));
        return [...new Uint8Array(await (await it.zipOf(files, new Date(2026, 1, 3, 4, 5, 6))).arrayBuffer())]"""
    archive = zipfile.ZipFile(
        io.BytesIO(bytes(_run(page, "zip", body, [[name, list(data)] for name, data in files.items()])))
    )
    assert archive.testzip() is None
    assert {info.filename: archive.read(info) for info in archive.infolist()} == files
    assert archive.infolist()[0].date_time == (2026, 2, 3, 4, 5, 6)


def _parts(page: Page, body: bytes, content_type: str = "multipart/mixed; boundary=b") -> Any:
    return _run(
        page,
        "multipart",
        """try {
            const parts = await it.partsOf(given[1], new Blob([Uint8Array.from(given[0])]));
            return await Promise.all(parts.map(async ({mediaType, content}) =>
                [mediaType, [...new Uint8Array(await content.arrayBuffer())]]));
        } catch (error) { return error.message }""",
        list(body),
        content_type,
    )


def test_parts_may_hold_any_bytes(page: Page) -> None:
    picture = b"\r\n--b--\r\n\r\n--b\xff\x00" * 300
    head = json.dumps({"faces": []}).encode()
    whole = b"".join(
        b"--b\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (kind, len(part), part)
        for kind, part in ((b"application/json", head), (b"image/png; x=y", picture))
    )
    assert _parts(page, whole + b"--b--\r\n") == [
        ["application/json", list(head)],
        ["image/png", list(picture)],
    ]
    assert "breaks off" in _parts(page, whole)
    assert "cut off" in _parts(page, whole[:-40])
    assert "states no length" in _parts(page, whole.replace(b"Content-Length", b"X-Length"))
    assert "no boundary" in _parts(page, whole, "multipart/mixed")


def test_nothing_more_is_sent_when_the_results_fill_the_memory(page: Page) -> None:
    body = """
        const queue = new it.Queue(null, () => {}, () => {});
        const [full] = (queue.pictures = [new it.Picture(new File([], 'a'), 'a')]);
        Object.assign(full, {state: 'done', predicted: {size: 2 ** 30}});
        const [waiting] = queue.add([{file: new File([], 'b'), path: 'b'}]);
        const before = waiting.state;
        queue.remove([full]);
        const after = waiting.state;
        queue.remove(queue.pictures);
        return [before, after]"""
    assert _run(page, "queue", body) == ["waiting", "sending"]


def test_pictures_stay_when_patience_is_over(page: Page) -> None:
    body = """
        const sending = await import('manyeyes-recognise/sending.js');
        const {Problem} = await import('manyeyes-recognise/api.js');
        const late = new sending.GaveUp(new Problem({title: 't', detail: 'away', code: 'unreachable'}));
        let isAway = true;
        const answer = {result: {faces: []}, predicted: new Blob(['x'])};
        const recognise = async () => { if (isAway) throw late; return answer; };
        const queue = new it.Queue(null, () => {}, () => {}, recognise);
        const pictures = queue.add(['a', 'b', 'c', 'd', 'e'].map(path => ({file: new File([], path), path})));
        const keys = pictures.map(({key}) => key);
        await new Promise(resolve => setTimeout(resolve));
        const stopped = [queue.stopped.detail, ...pictures.map(({state}) => state)];
        isAway = false;
        queue.goOn();
        while (queue.counts().done < 5) await new Promise(resolve => setTimeout(resolve));
        return [stopped, pictures.every(({key}, index) => key === keys[index])]"""
    assert _run(page, "queue", body) == [["away", *["waiting"] * 5], True]


_STORED = """
    const size = async (blob) => blob?.size ?? null;
    const record = (id, more) => ({id, order: 1, at: Date.now(), file: new Blob(['12345678']),
        predicted: new Blob(['1234']), state: 'done', ...more});
    const seen = async (store, now) => Promise.all((await store.records(now)).map(
        async ({id, file, predicted}) => [id, await size(file), await size(predicted)]));
"""


def test_stored_results_are_bounded_the_predicted_picture_goes_first(page: Page) -> None:
    body = (
        _STORED
        + """
        const store = await it.Store.open('bounded');
        for (const id of ['a', 'b', 'c']) await store.put(record(id), 24);
        const bounded = await seen(store);
        await store.remove(['a']);
        await store.put(record('b'), 24);
        return [bounded, await seen(store)]"""
    )
    assert _run(page, "store", body) == [
        [["a", 8, 4], ["b", 8, 4], ["c", None, None]],
        [["b", 8, 4], ["c", None, None]],
    ]


def test_stored_results_are_of_one_owner_and_go_after_a_day(page: Page) -> None:
    body = (
        _STORED
        + """
        const mine = await it.Store.open('me');
        await mine.put(record('a', {order: 2}));
        await mine.put(record('b', {order: 1, at: Date.now() - 20 * 3600e3}));
        const first = await seen(await it.Store.open('me'));
        const later = await seen(mine, Date.now() + 5 * 3600e3);
        const theirs = await it.Store.open('somebody else');
        const others = [await seen(theirs), await mine.put(record('c')), await seen(theirs)];
        return [first, later, others]"""
    )
    first, later, others = _run(page, "store", body)
    assert [one[0] for one in first] == ["b", "a"] and [one[0] for one in later] == ["a"]
    assert others == [[], False, []], "a page that is still open may not write what another one reads"


def test_faces_too_small_to_name_are_counted_not_listed(page: Page) -> None:
    body = """
        const list = await import('manyeyes-recognise/list.js');
        const filters = await import('manyeyes-recognise/filters.js');
        const saving = await import('manyeyes-recognise/saving.js');
        const face = (name, size_px) => ({box_xyxy_px: [0, 0, 9, 9], landmarks_px: [], name, distance: null,
            threshold: 0.58, confidence: 0, reference: '', too_small: size_px ? {size_px, least_px: 24} : null});
        const of = (faces) => ({state: 'done', path: 'a.jpg', size: 1,
            result: {width_px: 100, height_px: 100, pack: 'p', trace_id: '', faces}});
        const small = [12, 23, ...Array(198).fill(17)].map(size_px => face(null, size_px));
        const before = face(null); delete before.too_small;
        const mixed = [face('Ann'), ...small, before], tied = new it.Faces(of(mixed).result, 'c', () => null);
        const overlay = tied.overlay();
        const [line] = (await saving.resultLines([of(small.slice(0, 1))], new Map()).text()).trim().split('\\n');
        return [
            [...tied.table.querySelectorAll('tbody tr')].map(row => row.firstChild.textContent),
            [overlay.children.length, overlay.querySelectorAll('.rec-number').length],
            [overlay, new it.Faces(of(Array(41).fill(before)).result, 'c', null).overlay()].map(
                one => one.classList.contains('rec-crowd')),
            it.whoIsOn(mixed),
            [of(small), of(mixed), of([before])].map(list.stateWords),
            [of(small), of(mixed), of([before])].map(picture => filters.matches(picture, 'unknown')),
            JSON.parse(line).faces[0].too_small]"""
    rows, boxes, crowds, who, words, unknown, saved = _run(page, "faces", body)
    assert rows == ["1", "202", "200 faces too small to name: 12 to 23 px wide, 24 px are needed."]
    assert (
        boxes == [202, 2] and crowds == [False, True] and who == "Ann, unknown, 200 faces too small to name"
    )
    assert words == ["200 faces too small to name", "202 faces: Ann", "1 face, unknown"]
    assert unknown == [False, True, True] and saved == {"size_px": 12, "least_px": 24}
