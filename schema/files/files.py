"""GraphQL types of files that people send."""

from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders import companies as load
from models.files import File, FilePurpose, FileRejection, FileStatus
from resolvers.files import uploads as resolve
from resolvers.shared_inputs import SafeInt
from schema.backing import backed_by, column, field, related
from schema.companies.companies import CompanyType
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, RateLimitedType
from services.files import file_problems


@backed_by(resolve.RequestHeader, "A header that a client must send.")
class RequestHeaderType:
    name: str = column("Its name.")
    value: str = column("Its value.")


@backed_by(resolve.FileUpload, "Where and how a client sends a file: one request, once.")
class FileUploadType:
    method: str = column("The method of the request.")
    url: str = column(
        "The URL, relative to the server of this graph if it begins with a slash. It is a secret:"
        " it takes the file from every sender."
    )
    headers: list[RequestHeaderType] = column("The headers that the request must have.")
    expires_at: datetime = column("Time after which the URL is refused.")


@backed_by(File, "A file that somebody sends, for one purpose.")
class FileType(NodeType):
    id: strawberry.ID = id_field(File)
    purpose: FilePurpose = column("What it is for.")
    status: FileStatus = column("Its status.")
    rejection: FileRejection | None = column("Why it was rejected; null unless it was.")
    company: CompanyType | None = related(
        load.company_by_id, "Its company; null if it belongs to a person.", by="company_id"
    )
    name: str = column("The name under which it is downloaded.")
    content_type: str = column(
        "Its media type: as announced until it is READY, then what the content is."
    )
    size_bytes: SafeInt = column(
        "Its size in bytes: as announced until it is READY, then that of the download."
    )
    sha256: str | None = column("SHA-256 of the download in hexadecimal; null until it is READY.")
    upload: FileUploadType | None = field(
        resolve.upload, "Where to send it; null unless it is UPLOADING and the caller sends it."
    )
    download_url: str | None = field(
        resolve.download_url,
        "URL of the download, valid for ten minutes; null unless it is READY. Relative to the"
        " server of this graph if it begins with a slash. It is a secret: no access token is"
        " needed.",
    )
    created_at: datetime = column("Time when the upload began.")
    ready_at: datetime | None = column("Time when it was checked; null until then.")
    expires_at: datetime = column(
        "Time when the upload ends or, once it is READY, when the file is deleted."
    )


@backed_by(file_problems.FileTooLarge, "The file is too large, or not as large as announced.")
class FileTooLargeType(ProblemType):
    max_size_bytes: SafeInt = column("The largest size that the purpose allows, in bytes.")


@backed_by(file_problems.UnsupportedFileType, "The content is of no type that the purpose allows.")
class UnsupportedFileTypeType(ProblemType):
    allowed_content_types: list[str] = column("The media types that the purpose allows.")


@backed_by(
    file_problems.FileDamaged, "The content can't be read, has too many pixels, or is animated."
)
class FileDamagedType(ProblemType):
    pass


@backed_by(file_problems.FileNotUploaded, "Nothing has arrived at the upload's URL yet.")
class FileNotUploadedType(ProblemType):
    pass


@backed_by(file_problems.FileExpired, "The time of the upload or of the file is over.")
class FileExpiredType(ProblemType):
    pass


FileUploadStartError = Annotated[
    NotFoundType | InvalidInputType | FileTooLargeType | UnsupportedFileTypeType | RateLimitedType,
    strawberry.union(
        "FileUploadStartError", description="Problems that `fileUploadStart` can return."
    ),
]
FileUploadCompleteError = Annotated[
    NotFoundType
    | InvalidInputType
    | FileTooLargeType
    | UnsupportedFileTypeType
    | FileDamagedType
    | FileNotUploadedType
    | FileExpiredType,
    strawberry.union(
        "FileUploadCompleteError", description="Problems that `fileUploadComplete` can return."
    ),
]


@backed_by(resolve.FileUploadStartOutcome, "Result of `fileUploadStart`.")
class FileUploadStartPayload:
    file: FileType | None = column("The file; null if the mutation was rejected.")
    errors: list[FileUploadStartError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.FileUploadCompleteOutcome, "Result of `fileUploadComplete`.")
class FileUploadCompletePayload:
    file: FileType | None = column("The READY file; null if the mutation was rejected.")
    errors: list[FileUploadCompleteError] = column("The problems; empty if the mutation succeeded.")
