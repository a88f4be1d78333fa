"""Inputs of file mutations."""

import strawberry

from models.files import FilePurpose
from resolvers.shared_inputs import SafeInt


@strawberry.input(description="Input of `fileUploadStart`.")
class FileUploadStartInput:
    purpose: FilePurpose = strawberry.field(
        description="What the file is for: it decides the types and the size that are allowed."
    )
    company_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The company whose file it is; left out for TICKET_PHOTO, which belongs to the"
        " caller.",
    )
    file_name: str = strawberry.field(
        description="The name under which it is downloaded, at most 200 characters."
    )
    content_type: str = strawberry.field(
        description="Its media type, such as `image/jpeg`. The content decides in the end."
    )
    size_bytes: SafeInt = strawberry.field(description="Its exact size in bytes.")


@strawberry.input(description="Input of `fileUploadComplete`.")
class FileUploadCompleteInput:
    file_id: strawberry.ID = strawberry.field(
        description="The file, after it was sent to the address of its upload."
    )
