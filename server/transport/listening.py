"""What the kernel is told about the connections of a listening socket."""

import resource
import socket

from server.transport.limits import CONNECTIONS_MAX_COUNT, FILES_KEPT_COUNT, STALLED_READER_SECONDS


def room_for_connections() -> int:
    """How many long-lived connections this process may hold, having asked for all it may have.

    Each takes a file descriptor, of which most systems give 1,024 unless asked for more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX_COUNT + FILES_KEPT_COUNT
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, wanted - FILES_KEPT_COUNT)


def tune_listening(
    listening: socket.socket, *, stalled_seconds: float = STALLED_READER_SECONDS
) -> None:
    """Have every connection accepted here send at once, and end when its peer takes no byte.

    Without the first an answer waits 40 ms for the peer's acknowledgement of its own headers:
    asyncio sets the option only on sockets it opened itself. Without the second a connection
    closed towards a deaf peer stays until its buffers empty, which is never (Linux only).
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        listening.setsockopt(socket.IPPROTO_TCP, user_timeout, int(stalled_seconds * 1000))
