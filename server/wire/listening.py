"""What the kernel is told about the peers of a listening socket."""

import socket

from server.wire.limits import STALLED_READER_SECONDS


def drop_deaf_peers(
    listening: socket.socket, *, stalled_seconds: float = STALLED_READER_SECONDS
) -> None:
    """Have the kernel reset each accepted peer that takes no byte for this long.

    Closing such a connection from the program waits for its buffers to empty, which never
    happens; connections accepted here inherit the option, where the system has it (Linux).
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, int(stalled_seconds * 1000))
