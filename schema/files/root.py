"""Root fields of files that people send."""

import strawberry

from resolvers.files import uploads as file_resolvers
from resolvers.rules import SIGNED_IN
from schema.backing import field, mutation
from schema.files.files import FileType, FileUploadCompletePayload, FileUploadStartPayload


@strawberry.type
class FileQuery:
    file: FileType | None = field(
        file_resolvers.get_file, "A file that somebody has sent, by its id.", allow=SIGNED_IN
    )


@strawberry.type
class FileMutation:
    file_upload_start: FileUploadStartPayload | None = mutation(
        file_resolvers.start,
        "Begins an upload: the client then sends the file to `upload.url`, once.",
        allow=SIGNED_IN,
    )
    file_upload_complete: FileUploadCompletePayload | None = mutation(
        file_resolvers.complete,
        "Checks a file that was sent: its content decides its type, pictures lose everything but"
        " their pixels. A file that fails a check is rejected for good.",
        allow=SIGNED_IN,
    )
