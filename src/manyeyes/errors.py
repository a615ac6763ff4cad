"""Every error of manyeyes: one tree; each class carries what all its uses need.

The attributes decide everywhere: the CLI exits with `exit_code`, the gateway answers with `http_status`
and the problem type `code`, and clients send again only when `retryable` is true.

    ManyeyesError
    ├── PictureError              the picture itself is at fault
    │   ├── EmptyPicture, NotAPicture, UnsupportedFormat, DamagedPicture, TooManyPixels, TooManyBytes
    │   ├── PictureKillsWorkers   workers died on it again and again
    │   └── DrawingFailed         its faces were found, but cannot be drawn on the user's machine
    ├── EnrolmentError            NoFaceFound, SeveralFacesFound, FaceTooSmall
    ├── PersonNotFound, NodeNotFound, PersonExists, BadRequest, IdempotencyMismatch, KeyNotFound, KeyExists
    ├── ThresholdRefused, ReferenceRefused, EntryNotFound, TraceNotFound, NotAcceptable, SlowUpload
    ├── NotSignedIn, NotAllowed, CrossSite, TokenRefused, OtherMaster, ExecRefused, LastAdminKey, AuditBroken
    ├── NodeRemoved, NodeAway, IdentityInUse, IdentityCopied, HostKeyRefused, SshRefused, Busy, TaskLost
    ├── Unavailable               UntrustedCertificate, WrongAddress: trying again does not help
    ├── PackError                 PackDamaged, WeightsRefused, ModelRefused, EmbedderMismatch
    ├── StartError                a role cannot start: EngineMissing, EngineTooOld, EngineFailed,
    │                             PortTaken, DataFolderUnusable, CertificateUnusable, MachineUnfit, InstallFailed
    └── FileTrouble               a path of a user's machine or an exchange folder: NoSuchFile, NoPicturesFound
"""

from __future__ import annotations

from typing import Any, ClassVar


class ManyeyesError(Exception):
    """Root of the tree.

    Args:
        detail: one sentence: what failed: seen against allowed; what to do.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong inside manyeyes"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.trace_id = ""
        """Of the picture that it is about, where it is about one: `manyeyes logs --trace ID` shows its trace."""

    def as_problem(self) -> dict[str, Any]:
        """The RFC 9457 problem document of this error."""
        document = {
            "type": f"urn:manyeyes:problem:{self.code}",
            "title": self.title, "status": self.http_status, "detail": self.detail,
            "code": self.code, "retryable": self.retryable,
        }  # fmt: skip
        return {**document, "trace_id": self.trace_id} if self.trace_id else document


def first_of(error: BaseException) -> BaseException:
    """The error itself; of a group the first that manyeyes knows, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    each = [first_of(one) for one in error.exceptions]
    return next((one for one in each if isinstance(one, ManyeyesError)), each[0])


class PictureError(ManyeyesError):
    code = "picture"
    title = "The picture cannot be used"
    http_status = 422
    exit_code = 3


class EmptyPicture(PictureError):
    code = "empty-picture"
    title = "The picture is empty"


class NotAPicture(PictureError):
    code = "not-a-picture"
    title = "This is not a picture"
    http_status = 415


class UnsupportedFormat(PictureError):
    code = "unsupported-format"
    title = "The picture's format is not supported"
    http_status = 415


class DamagedPicture(PictureError):
    code = "damaged-picture"
    title = "The picture is damaged"


class TooManyPixels(PictureError):
    code = "too-many-pixels"
    title = "The picture has too many pixels"
    http_status = 413


class TooManyBytes(PictureError):
    code = "too-many-bytes"
    title = "The picture has too many bytes"
    http_status = 413


class PictureKillsWorkers(PictureError):
    code = "picture-kills-workers"
    title = "The picture made its workers fail again and again"


class DrawingFailed(PictureError):
    code = "drawing-failed"
    title = "The faces were found but cannot be drawn on this machine"


class EnrolmentError(ManyeyesError):
    code = "enrolment"
    title = "The photo cannot be enrolled"
    http_status = 422
    exit_code = 3


class NoFaceFound(EnrolmentError):
    code = "no-face"
    title = "The photo shows no face"


class SeveralFacesFound(EnrolmentError):
    code = "several-faces"
    title = "The photo shows several faces"


class FaceTooSmall(EnrolmentError):
    code = "face-too-small"
    title = "The face in the photo is too small"


class PersonNotFound(ManyeyesError):
    code = "person-not-found"
    title = "No such person"
    http_status = 404
    exit_code = 4


class NodeNotFound(ManyeyesError):
    code = "node-not-found"
    title = "No such node"
    http_status = 404
    exit_code = 4


class PersonExists(ManyeyesError):
    code = "person-exists"
    title = "The name is taken"
    http_status = 409
    exit_code = 4


class KeyNotFound(ManyeyesError):
    code = "key-not-found"
    title = "No such API key"
    http_status = 404
    exit_code = 4


class KeyExists(ManyeyesError):
    code = "key-exists"
    title = "An API key of that name exists"
    http_status = 409
    exit_code = 4


class LastAdminKey(ManyeyesError):
    code = "last-admin-key"
    title = "The last admin's key cannot be revoked"
    http_status = 409
    exit_code = 5


class BadRequest(ManyeyesError):
    code = "bad-request"
    title = "The request cannot be understood"
    http_status = 400
    exit_code = 2


class NotAcceptable(ManyeyesError):
    code = "not-acceptable"
    title = "The answer cannot have any of the media types that are asked for"
    http_status = 406
    exit_code = 2


class IdempotencyMismatch(ManyeyesError):
    code = "idempotency-mismatch"
    title = "The idempotency key was used for another picture"
    http_status = 422
    exit_code = 2


class ThresholdRefused(ManyeyesError):
    code = "threshold-refused"
    title = "The threshold cannot be set so"
    http_status = 422
    exit_code = 2


class ReferenceRefused(ManyeyesError):
    code = "reference-refused"
    title = "The reference to a face cannot be used"
    http_status = 422
    exit_code = 2


class EntryNotFound(ManyeyesError):
    code = "entry-not-found"
    title = "No such photo, face or feedback"
    http_status = 404
    exit_code = 4


class TraceNotFound(ManyeyesError):
    code = "trace-not-found"
    title = "No such trace"
    http_status = 404
    exit_code = 4


class NotSignedIn(ManyeyesError):
    code = "not-signed-in"
    title = "An API key is needed"
    http_status = 401
    exit_code = 5


class NotAllowed(ManyeyesError):
    code = "not-allowed"
    title = "The API key's role does not allow this"
    http_status = 403
    exit_code = 5


class CrossSite(ManyeyesError):
    code = "cross-site"
    title = "Another site may not act here"
    http_status = 403
    exit_code = 5


class TokenRefused(ManyeyesError):
    code = "token-refused"
    title = "The join token was refused"
    http_status = 403
    exit_code = 5


class OtherMaster(TokenRefused):
    code = "other-master"
    title = "Another master answers at this address"


class HostKeyRefused(ManyeyesError):
    code = "host-key"
    title = "The machine's host key is not one to trust"
    http_status = 403
    exit_code = 5


class SshRefused(ManyeyesError):
    code = "ssh-refused"
    title = "The machine does not let this user in"
    http_status = 403
    exit_code = 5


class NodeRemoved(ManyeyesError):
    code = "node-removed"
    title = "The master has removed this node"
    http_status = 403
    exit_code = 5


class ExecRefused(ManyeyesError):
    code = "exec-refused"
    title = "The node runs no commands"
    http_status = 403
    exit_code = 5


class VersionMismatch(ManyeyesError):
    code = "version-mismatch"
    title = "Master and node speak different versions"
    http_status = 409
    exit_code = 5


class IdentityInUse(ManyeyesError):
    code = "identity-in-use"
    title = "Another process is this node already"
    http_status = 409
    exit_code = 5


class IdentityCopied(IdentityInUse):
    code = "identity-copied"
    title = "The node's identity belongs to another machine"


class NodeAway(ManyeyesError):
    code = "node-away"
    title = "The node is not connected"
    http_status = 409
    exit_code = 6


class Busy(ManyeyesError):
    code = "busy"
    title = "The master has no room just now"
    http_status = 429
    exit_code = 6
    retryable = True


class Unavailable(ManyeyesError):
    code = "unavailable"
    title = "The service cannot be reached"
    http_status = 503
    exit_code = 6
    retryable = True


class UntrustedCertificate(Unavailable):
    code = "untrusted-certificate"
    title = "The certificate at the master's address is not trusted"
    retryable = False


class WrongAddress(Unavailable):
    code = "wrong-address"
    title = "Something else than a master answers at the master's address"
    retryable = False


class SlowUpload(ManyeyesError):
    code = "slow-upload"
    title = "The request's body came too slowly"
    http_status = 408
    exit_code = 6
    retryable = True


class TaskLost(ManyeyesError):
    code = "task-lost"
    title = "The picture was given up with its master; send it again"
    http_status = 503
    exit_code = 6
    retryable = True


class PackError(ManyeyesError):
    code = "pack"
    title = "The pack cannot be used"
    exit_code = 7


class PackDamaged(PackError):
    code = "pack-damaged"
    title = "A file of the pack is damaged"


class WeightsRefused(PackError):
    code = "weights-refused"
    title = "A weight file is not the one expected"


class ModelRefused(PackError):
    code = "model-refused"
    title = "A model file cannot be used"


class EmbedderMismatch(PackError):
    code = "embedder-mismatch"
    title = "Embeddings of two embedders cannot be compared"


class StartError(ManyeyesError):
    code = "start"
    title = "manyeyes cannot start"
    exit_code = 8


class EngineMissing(StartError):
    code = "engine-missing"
    title = "No nats-server was found"


class EngineNotInstalled(StartError):
    code = "engine-not-installed"
    title = "The nats-server could not be installed"


class EngineTooOld(StartError):
    code = "engine-too-old"
    title = "The nats-server is too old"


class EngineFailed(StartError):
    code = "engine-failed"
    title = "The nats-server stopped"


class PortTaken(StartError):
    code = "port-taken"
    title = "A port is taken"


class DataFolderUnusable(StartError):
    code = "data-folder"
    title = "The data folder cannot be used"


class CertificateUnusable(StartError):
    code = "certificate"
    title = "The certificate cannot be used"


class MachineUnfit(StartError):
    code = "machine-unfit"
    title = "The machine cannot be a node"


class InstallFailed(StartError):
    code = "install-failed"
    title = "The agent could not be installed"


class FileTrouble(ManyeyesError):
    code = "file"
    title = "A file or folder cannot be used"
    http_status = 400
    exit_code = 2


class NoSuchFile(FileTrouble):
    code = "no-such-file"
    title = "There is no such file or folder"
    exit_code = 10


class NoPicturesFound(FileTrouble):
    code = "no-pictures"
    title = "The folders have no pictures"
    exit_code = 11


class AuditBroken(ManyeyesError):
    code = "audit-broken"
    title = "The audit log is not as it was written"
    exit_code = 9
