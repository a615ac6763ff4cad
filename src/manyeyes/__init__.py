"""One recognition service from the machines you already own.

The public names: `Client` and `AsyncClient`, what they answer, every error they raise, `draw`, which makes the
predicted picture from an original and its result, and for videos `stills` and `timeline`. Their modules load at first
use: a worker runs in its pack's own environment, where no HTTP library may be, only `draw` needs OpenCV, and only
`stills` PyAV.

Importing it switches off what libraries report to their makers, for the whole process: `manyeyes.no_reports`.
"""

from __future__ import annotations

from manyeyes.no_reports import switch_off_reports

TYPE_CHECKING = False
"""As that of `typing`, which is not imported here: until a command has imported this module, it does not heed Ctrl-C."""
if TYPE_CHECKING:
    from typing import Any

    from manyeyes.api.access import ApiKey, JoinToken, NewApiKey
    from manyeyes.api.audit import AuditEntry, AuditVerdict
    from manyeyes.api.nodes import Node, NodePage
    from manyeyes.api.overview import Alert, History, NodeHistory, Notice, Overview, Setting, Status
    from manyeyes.api.people import Feedback, Merge, MergePreview, Person, PersonNow, Photo, Threshold
    from manyeyes.api.videos import RecentVideo, Seen, Still, TimeSpan
    from manyeyes.errors import (
        AuditBroken,
        BadRequest,
        Busy,
        CertificateUnusable,
        CrossSite,
        DamagedPicture,
        DataFolderUnusable,
        DrawingFailed,
        EmbedderMismatch,
        EmptyPicture,
        EngineFailed,
        EngineMissing,
        EngineNotInstalled,
        EngineTooOld,
        EnrolmentError,
        EntryNotFound,
        ExecRefused,
        FaceTooSmall,
        FileTrouble,
        HostKeyRefused,
        IdempotencyMismatch,
        IdentityCopied,
        IdentityInUse,
        InstallFailed,
        KeyExists,
        KeyNotFound,
        LastAdminKey,
        MachineUnfit,
        ManyeyesError,
        ModelRefused,
        NodeAway,
        NodeNotFound,
        NodeRemoved,
        NoFaceFound,
        NoPicturesFound,
        NoSuchFile,
        NotAcceptable,
        NotAllowed,
        NotAPicture,
        NotSignedIn,
        OtherMaster,
        PackDamaged,
        PackError,
        PersonExists,
        PersonNotFound,
        PictureError,
        PictureKillsWorkers,
        PortTaken,
        ReferenceRefused,
        SeveralFacesFound,
        SlowUpload,
        SshRefused,
        StartError,
        TaskLost,
        ThresholdRefused,
        TokenRefused,
        TooManyBytes,
        TooManyPixels,
        TraceNotFound,
        Unavailable,
        UnsupportedFormat,
        UntrustedCertificate,
        VersionMismatch,
        WeightsRefused,
        WrongAddress,
    )
    from manyeyes.recognition.pictures.encode import Encoded
    from manyeyes.recognition.pictures.predicted import draw
    from manyeyes.results import Caution, Face, Result, TooSmall
    from manyeyes.sdk.answers import Prediction
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.client import AsyncClient
    from manyeyes.sdk.context import Context
    from manyeyes.sdk.patience import Patience
    from manyeyes.spans import timeline
    from manyeyes.video.stills import StillPicture, stills

switch_off_reports()

__all__ = [
    "Alert",
    "ApiKey",
    "AsyncClient",
    "AuditBroken",
    "AuditEntry",
    "AuditVerdict",
    "BadRequest",
    "Busy",
    "Caution",
    "CertificateUnusable",
    "Client",
    "Context",
    "CrossSite",
    "DamagedPicture",
    "DataFolderUnusable",
    "DrawingFailed",
    "EmbedderMismatch",
    "EmptyPicture",
    "Encoded",
    "EngineFailed",
    "EngineMissing",
    "EngineNotInstalled",
    "EngineTooOld",
    "EnrolmentError",
    "EntryNotFound",
    "ExecRefused",
    "Face",
    "FaceTooSmall",
    "Feedback",
    "FileTrouble",
    "History",
    "HostKeyRefused",
    "IdempotencyMismatch",
    "IdentityCopied",
    "IdentityInUse",
    "InstallFailed",
    "JoinToken",
    "KeyExists",
    "KeyNotFound",
    "LastAdminKey",
    "MachineUnfit",
    "ManyeyesError",
    "Merge",
    "MergePreview",
    "ModelRefused",
    "NewApiKey",
    "NoFaceFound",
    "NoPicturesFound",
    "NoSuchFile",
    "Node",
    "NodeAway",
    "NodeHistory",
    "NodeNotFound",
    "NodePage",
    "NodeRemoved",
    "NotAPicture",
    "NotAcceptable",
    "NotAllowed",
    "NotSignedIn",
    "Notice",
    "OtherMaster",
    "Overview",
    "PackDamaged",
    "PackError",
    "Patience",
    "Person",
    "PersonExists",
    "PersonNotFound",
    "PersonNow",
    "Photo",
    "PictureError",
    "PictureKillsWorkers",
    "PortTaken",
    "Prediction",
    "RecentVideo",
    "ReferenceRefused",
    "Result",
    "Seen",
    "Setting",
    "SeveralFacesFound",
    "SlowUpload",
    "SshRefused",
    "StartError",
    "Status",
    "Still",
    "StillPicture",
    "TaskLost",
    "Threshold",
    "ThresholdRefused",
    "TimeSpan",
    "TokenRefused",
    "TooManyBytes",
    "TooManyPixels",
    "TooSmall",
    "TraceNotFound",
    "Unavailable",
    "UnsupportedFormat",
    "UntrustedCertificate",
    "VersionMismatch",
    "WeightsRefused",
    "WrongAddress",
    "draw",
    "stills",
    "timeline",
]

_AT_FIRST_USE = {
    "Alert": "manyeyes.api.overview",
    "ApiKey": "manyeyes.api.access",
    "AsyncClient": "manyeyes.sdk.client",
    "AuditEntry": "manyeyes.api.audit",
    "AuditVerdict": "manyeyes.api.audit",
    "Caution": "manyeyes.results",
    "Client": "manyeyes.sdk.blocking",
    "Context": "manyeyes.sdk.context",
    "Encoded": "manyeyes.recognition.pictures.encode",
    "Face": "manyeyes.results",
    "Feedback": "manyeyes.api.people",
    "History": "manyeyes.api.overview",
    "JoinToken": "manyeyes.api.access",
    "Merge": "manyeyes.api.people",
    "MergePreview": "manyeyes.api.people",
    "NewApiKey": "manyeyes.api.access",
    "Node": "manyeyes.api.nodes",
    "NodeHistory": "manyeyes.api.overview",
    "NodePage": "manyeyes.api.nodes",
    "Notice": "manyeyes.api.overview",
    "Overview": "manyeyes.api.overview",
    "Patience": "manyeyes.sdk.patience",
    "Person": "manyeyes.api.people",
    "PersonNow": "manyeyes.api.people",
    "Photo": "manyeyes.api.people",
    "Prediction": "manyeyes.sdk.answers",
    "RecentVideo": "manyeyes.api.videos",
    "Result": "manyeyes.results",
    "Seen": "manyeyes.api.videos",
    "Setting": "manyeyes.api.overview",
    "Status": "manyeyes.api.overview",
    "Still": "manyeyes.api.videos",
    "StillPicture": "manyeyes.video.stills",
    "Threshold": "manyeyes.api.people",
    "TooSmall": "manyeyes.results",
    "TimeSpan": "manyeyes.api.videos",
    "draw": "manyeyes.recognition.pictures.predicted",
    "stills": "manyeyes.video.stills",
    "timeline": "manyeyes.spans",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(_AT_FIRST_USE.get(name, "manyeyes.errors")), name)
    raise AttributeError(f"module 'manyeyes' has no attribute {name!r}")
