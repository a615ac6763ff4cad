"""One recognition service from the machines you already own.

The public names: `Client` and `AsyncClient`, what they answer, and every error they raise. The client's
modules load at first use: a worker runs in its pack's own environment, where no HTTP library may be.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from manyeyes.errors import (
    AuditBroken,
    BadRequest,
    Busy,
    DamagedPicture,
    DataFolderUnusable,
    EmbedderMismatch,
    EmptyPicture,
    EngineFailed,
    EngineMissing,
    EngineTooOld,
    EnrolmentError,
    EntryNotFound,
    ExecRefused,
    FileTrouble,
    IdempotencyMismatch,
    IdentityCopied,
    IdentityInUse,
    ManyeyesError,
    ModelRefused,
    NodeAway,
    NodeNotFound,
    NodeRemoved,
    NoFaceFound,
    NotAllowed,
    NotAPicture,
    NotSignedIn,
    PackDamaged,
    PackError,
    PersonExists,
    PersonNotFound,
    PictureError,
    PictureKillsWorkers,
    PortTaken,
    ReferenceRefused,
    SeveralFacesFound,
    StartError,
    TaskLost,
    ThresholdRefused,
    TokenRefused,
    TooManyBytes,
    TooManyPixels,
    Unavailable,
    UnsupportedFormat,
    WeightsRefused,
)
from manyeyes.results import Caution, Face, Result

if TYPE_CHECKING:
    from manyeyes.sdk.answers import (
        AuditEntry,
        AuditVerdict,
        Feedback,
        JoinToken,
        Node,
        Person,
        Photo,
        Prediction,
        Status,
        Threshold,
    )
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.client import AsyncClient
    from manyeyes.sdk.context import Context
    from manyeyes.sdk.patience import Patience

__all__ = [
    "AsyncClient",
    "AuditBroken",
    "AuditEntry",
    "AuditVerdict",
    "BadRequest",
    "Busy",
    "Caution",
    "Client",
    "Context",
    "DamagedPicture",
    "DataFolderUnusable",
    "EmbedderMismatch",
    "EmptyPicture",
    "EngineFailed",
    "EngineMissing",
    "EngineTooOld",
    "EnrolmentError",
    "EntryNotFound",
    "ExecRefused",
    "Face",
    "Feedback",
    "FileTrouble",
    "IdempotencyMismatch",
    "IdentityCopied",
    "IdentityInUse",
    "JoinToken",
    "ManyeyesError",
    "ModelRefused",
    "NoFaceFound",
    "Node",
    "NodeAway",
    "NodeNotFound",
    "NodeRemoved",
    "NotAPicture",
    "NotAllowed",
    "NotSignedIn",
    "PackDamaged",
    "PackError",
    "Patience",
    "Person",
    "PersonExists",
    "PersonNotFound",
    "Photo",
    "PictureError",
    "PictureKillsWorkers",
    "PortTaken",
    "Prediction",
    "ReferenceRefused",
    "Result",
    "SeveralFacesFound",
    "StartError",
    "Status",
    "TaskLost",
    "Threshold",
    "ThresholdRefused",
    "TokenRefused",
    "TooManyBytes",
    "TooManyPixels",
    "Unavailable",
    "UnsupportedFormat",
    "WeightsRefused",
]

_AT_FIRST_USE = {
    "AsyncClient": "manyeyes.sdk.client",
    "AuditEntry": "manyeyes.sdk.answers",
    "AuditVerdict": "manyeyes.sdk.answers",
    "Client": "manyeyes.sdk.blocking",
    "Context": "manyeyes.sdk.context",
    "Feedback": "manyeyes.sdk.answers",
    "JoinToken": "manyeyes.sdk.answers",
    "Node": "manyeyes.sdk.answers",
    "Patience": "manyeyes.sdk.patience",
    "Person": "manyeyes.sdk.answers",
    "Photo": "manyeyes.sdk.answers",
    "Prediction": "manyeyes.sdk.answers",
    "Status": "manyeyes.sdk.answers",
    "Threshold": "manyeyes.sdk.answers",
}


def __getattr__(name: str) -> Any:
    if name in _AT_FIRST_USE:
        return getattr(import_module(_AT_FIRST_USE[name]), name)
    raise AttributeError(f"module 'manyeyes' has no attribute {name!r}")
