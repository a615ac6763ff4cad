"""One recognition service from the machines you already own.

The public names: `Client` and `AsyncClient`, what they answer, every error they raise, and `draw`, which
makes the predicted picture from an original and its result. Their modules load at first use: a worker runs
in its pack's own environment, where no HTTP library may be, and only `draw` needs OpenCV.

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
    from manyeyes.results import Caution, Face, Result
    from manyeyes.sdk.answers import Prediction
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.client import AsyncClient
    from manyeyes.sdk.context import Context
    from manyeyes.sdk.patience import Patience

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
    "ReferenceRefused",
    "Result",
    "Setting",
    "SeveralFacesFound",
    "SlowUpload",
    "SshRefused",
    "StartError",
    "Status",
    "TaskLost",
    "Threshold",
    "ThresholdRefused",
    "TokenRefused",
    "TooManyBytes",
    "TooManyPixels",
    "TraceNotFound",
    "Unavailable",
    "UnsupportedFormat",
    "UntrustedCertificate",
    "VersionMismatch",
    "WeightsRefused",
    "WrongAddress",
    "draw",
]

_AT_FIRST_USE = {
    "ApiKey": "manyeyes.api.access",
    "AsyncClient": "manyeyes.sdk.client",
    "Alert": "manyeyes.api.overview",
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
    "NodePage": "manyeyes.api.nodes",
    "NodeHistory": "manyeyes.api.overview",
    "Notice": "manyeyes.api.overview",
    "Overview": "manyeyes.api.overview",
    "Patience": "manyeyes.sdk.patience",
    "Person": "manyeyes.api.people",
    "PersonNow": "manyeyes.api.people",
    "Photo": "manyeyes.api.people",
    "Prediction": "manyeyes.sdk.answers",
    "Result": "manyeyes.results",
    "Setting": "manyeyes.api.overview",
    "Status": "manyeyes.api.overview",
    "Threshold": "manyeyes.api.people",
    "draw": "manyeyes.recognition.pictures.predicted",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(_AT_FIRST_USE.get(name, "manyeyes.errors")), name)
    raise AttributeError(f"module 'manyeyes' has no attribute {name!r}")
