"""Builds the parts of a master that deal with people and their faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from manyeyes.access.audit import Audit
from manyeyes.config import MasterSettings
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.faces.enrolment import Enrolling
from manyeyes.faces.gallery_sync import Galleries
from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.faces.merging import Merging
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.reembedding import EmbedAgain
from manyeyes.faces.references import FaceReferences
from manyeyes.faces.result_people import ResultPeople
from manyeyes.faces.unknown_faces import Among
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.master.engine_access import EngineAccess
from manyeyes.master.state_broadcast import StateBroadcaster
from manyeyes.monitoring.change_events import EventHub
from manyeyes.packs.served import ServedPack
from manyeyes.store.repositories import Store
from manyeyes.telemetry import log


@dataclass(frozen=True)
class PeopleParts:
    """The parts of a master that deal with people and their faces."""

    gallery: GalleryVersion
    broadcaster: StateBroadcaster
    people_service: PeopleService
    merging: Merging
    galleries: Galleries
    faces: UnknownFacesService
    enrolling: Enrolling
    embed_again: EmbedAgain
    result_people: ResultPeople


def build_people(
    settings: MasterSettings,
    store: Store,
    engine: EngineAccess,
    served: ServedPack,
    audit: Audit,
    dispatcher: Dispatcher,
    events: EventHub,
) -> PeopleParts:
    """Build the parts. The store serves the embedder of the pack already."""
    data = settings.data
    if groups := store.people.of_one_name():
        log().warning(
            "people have one name in two spellings, which count as one now; 'manyeyes people check' says who, "
            "merge or rename them",
            names=len(groups),
        )
    gallery = GalleryVersion(store.gallery)
    broadcaster = StateBroadcaster(engine.link, engine.gateway, gallery, served.manifest_sha256, events)
    growth = PersonGrowth()
    references = FaceReferences(data / "identity" / "references.key")
    people = PeopleService(
        store.people,
        store.photos,
        store.feedback,
        store.gallery,
        store.settings,
        audit,
        references,
        served,
        broadcaster.gallery_changed,
        growth,
    )
    merging = Merging(
        store.merges, people, store.gallery.reader, served, audit, broadcaster.gallery_changed, growth
    )
    galleries = Galleries(store.gallery.reader, data / "gallery", people.threshold_at)
    among = Among(store.gallery.reader, served.pack, served.embedder, served.threshold, people.threshold_at)
    faces = UnknownFacesService(
        data,
        store.settings,
        store.photos,
        store.gallery,
        people,
        among,
        audit,
        growth,
        changed=partial(events.notify, "faces"),
    )
    enrolling = Enrolling(dispatcher, people, store.gallery, served)
    embed_again = EmbedAgain(
        store.photos, served.embedder, enrolling.embed_portrait, broadcaster.gallery_changed
    )
    result_people = ResultPeople(store.person_ids, references)
    return PeopleParts(
        gallery, broadcaster, people, merging, galleries, faces, enrolling, embed_again, result_people
    )
