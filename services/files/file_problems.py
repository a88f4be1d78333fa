"""Why a file is not taken: the problems that mutations return."""

from dataclasses import dataclass

from models.files import File, FileRejection
from models.message_text import number_text
from services.core.problems import DomainError, Problem
from services.files.purposes import RULES, PurposeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTooLarge(Problem):
    """The file has more bytes than its purpose allows, or not as many as were announced."""

    max_size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedFileType(Problem):
    """The file is of no type that its purpose allows."""

    allowed_content_types: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDamaged(Problem):
    """The file can't be read, has too many pixels, or is animated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNotUploaded(Problem):
    """Nothing has arrived at the upload's address yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileExpired(Problem):
    """The time of the upload, or of the file, is over."""


def unsupported_type(rules: PurposeRules, *path: str) -> UnsupportedFileType:
    """The problem of a file of a type that its purpose does not allow."""
    allowed = ", ".join(rules.content_types)
    return UnsupportedFileType(
        path=["input", *path],
        message=f"A file of this purpose is one of {allowed}.",
        allowed_content_types=[*rules.content_types],
    )


def too_large(rules: PurposeRules, *path: str) -> FileTooLarge:
    """The problem of a file that is too large for its purpose."""
    return FileTooLarge(
        path=["input", *path],
        message=f"A file of this purpose has at most {number_text(rules.max_size_bytes)} bytes.",
        max_size_bytes=rules.max_size_bytes,
    )


def rejection_problem(row: File, rejection: FileRejection) -> Problem:
    """The problem that says why a file was rejected after it had arrived."""
    rules = RULES[row.purpose]
    match rejection:
        case FileRejection.TOO_LARGE:
            return too_large(rules, "fileId")
        case FileRejection.UNSUPPORTED_TYPE:
            return unsupported_type(rules, "fileId")
        case FileRejection.DAMAGED:
            message = "The file can't be read, has too many pixels, or is animated."
            return FileDamaged(path=["input", "fileId"], message=message)


def not_uploaded() -> DomainError:
    """The refusal of an upload of which nothing has arrived."""
    message = "The file has not arrived: send it to the address of the upload first."
    return DomainError(FileNotUploaded(path=["input", "fileId"], message=message))


def expired() -> DomainError:
    """The refusal of a file whose time is over."""
    message = "The time of this file is over: begin another upload."
    return DomainError(FileExpired(path=["input", "fileId"], message=message))
