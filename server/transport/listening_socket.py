"""Options of the listening socket and of the process's file descriptors."""

import resource
import socket

from server.transport.limits import (
    MAX_CONNECTIONS,
    RESERVED_FILES_COUNT,
    STALLED_READER_SECONDS,
)


def connection_capacity() -> int:
    """Raise the limit of file descriptors as far as allowed; return how many connections fit.

    Each long-lived connection takes a file descriptor, of which most systems give 1,024 unless
    asked for more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_CONNECTIONS + RESERVED_FILES_COUNT
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - RESERVED_FILES_COUNT)


def configure_listening_socket(
    listening: socket.socket, *, stalled_seconds: float = STALLED_READER_SECONDS
) -> None:
    """Set TCP_NODELAY and TCP_USER_TIMEOUT, which accepted connections inherit.

    Without TCP_NODELAY an answer waits 40 ms for the peer to acknowledge its headers: asyncio sets
    the option only on sockets that it opened itself. Without TCP_USER_TIMEOUT (Linux only) a
    connection closed towards a peer that reads nothing stays until its buffers are empty, which is
    never.
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        listening.setsockopt(socket.IPPROTO_TCP, user_timeout, int(stalled_seconds * 1000))
