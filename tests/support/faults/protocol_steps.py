"""The steps of the protocols of dependencies, as a `FaultyLink` sees them."""

import re

HTTP_REQUEST = re.compile(rb"(GET|POST|DELETE) (\S+) HTTP/1\.1\r\n")
ID = re.compile(r"/[a-z]{2,3}_\w+|/AC\w+")
SMTP_COMMANDS = frozenset({"EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"})
VALKEY_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n")


def http_step(chunk: bytes) -> str | None:
    """The method and the path of a request, without ids and query."""
    if (head := HTTP_REQUEST.match(chunk)) is None:
        return None
    path = ID.sub("/*", head[2].decode().partition("?")[0])
    return f"{head[1].decode()} {path}"


def smtp_step(chunk: bytes) -> str:
    """The command, or the mail itself."""
    verb = chunk.split(None, 1)[0].decode(errors="replace").upper()
    return verb if verb in SMTP_COMMANDS else "the mail"


def valkey_step(chunk: bytes) -> str | None:
    """The first command of a pipeline."""
    command = VALKEY_COMMAND.match(chunk)
    return None if command is None else command[1].decode().upper()
