"""One recognition service from the machines you already own.

The public names: `Client` and `AsyncClient`, what they answer, every error they raise, and `draw`, which
makes the predicted picture from an original and its result. Their modules load at first use: a worker runs
in its pack's own environment, where no HTTP library may be, and only `draw` needs OpenCV.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from manyeyes.errors import (
    AuditBroken,
    BadRequest,
    Busy,
    DamagedPicture,
    DataFolderUnusable,
    DrawingFailed,
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
    from manyeyes.recognition.encode import Encoded
    from manyeyes.recognition.predicted import draw
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
    "DrawingFailed",
    "EmbedderMismatch",
    "EmptyPicture",
    "Encoded",
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
    "draw",
]

_AT_FIRST_USE = {
    "AsyncClient": "manyeyes.sdk.client",
    "AuditEntry": "manyeyes.sdk.answers",
    "AuditVerdict": "manyeyes.sdk.answers",
    "Client": "manyeyes.sdk.blocking",
    "Context": "manyeyes.sdk.context",
    "Encoded": "manyeyes.recognition.encode",
    "Feedback": "manyeyes.sdk.answers",
    "JoinToken": "manyeyes.sdk.answers",
    "Node": "manyeyes.sdk.answers",
    "Patience": "manyeyes.sdk.patience",
    "Person": "manyeyes.sdk.answers",
    "Photo": "manyeyes.sdk.answers",
    "Prediction": "manyeyes.sdk.answers",
    "Status": "manyeyes.sdk.answers",
    "Threshold": "manyeyes.sdk.answers",
    "draw": "manyeyes.recognition.predicted",
}


def __getattr__(name: str) -> Any:
    if name in _AT_FIRST_USE:
        return getattr(import_module(_AT_FIRST_USE[name]), name)
    raise AttributeError(f"module 'manyeyes' has no attribute {name!r}")
