"""Every bound the wire keeps: what one stranger's request, stream or socket may cost."""

from dataclasses import dataclass

BODY_MAX_BYTES = 100 * 1024
BODY_READ_SECONDS = 10.0
URL_QUERY_MAX_BYTES = 16 * 1024
JSON_MAX_LEVELS = 64
REQUEST_SECONDS = 30.0

STREAM_HEARTBEAT_SECONDS = 12.0
STALLED_READER_SECONDS = 30.0
CONNECTIONS_MAX_COUNT = 20_000
FILES_KEPT_COUNT = 1_000  # for databases, logs and requests that come and go

FRAME_MAX_BYTES = 64 * 1024
INIT_SECONDS = 5.0
SOCKET_HEARTBEAT_SECONDS = 15.0
PONG_SECONDS = 10.0
SOCKET_OPERATIONS_MAX_COUNT = 50
OPERATION_ID_MAX_CHARS = 128
MESSAGES_PER_SECOND = 50.0
MESSAGES_BURST_COUNT = 200
OUTBOX_MAX_FRAMES = 64
OUTBOX_MAX_BYTES = 1024 * 1024
GOODBYE_SECONDS = 2.0
CLEANUP_SECONDS = 5.0

REQUEST_ID_MAX_CHARS = 64
INIT_HEADERS_MAX_COUNT = 32
HEADER_VALUE_MAX_CHARS = 8 * 1024


@dataclass(frozen=True, slots=True)
class WireLimits:
    """The bounds of one server; tests shorten the waits, production keeps the defaults."""

    body_bytes: int = BODY_MAX_BYTES
    body_seconds: float = BODY_READ_SECONDS
    url_query_bytes: int = URL_QUERY_MAX_BYTES
    json_levels: int = JSON_MAX_LEVELS
    request_seconds: float = REQUEST_SECONDS
    stream_heartbeat_seconds: float = STREAM_HEARTBEAT_SECONDS
    stalled_seconds: float = STALLED_READER_SECONDS
    frame_bytes: int = FRAME_MAX_BYTES
    init_seconds: float = INIT_SECONDS
    socket_heartbeat_seconds: float = SOCKET_HEARTBEAT_SECONDS
    pong_seconds: float = PONG_SECONDS
    socket_operations_count: int = SOCKET_OPERATIONS_MAX_COUNT
    messages_per_second: float = MESSAGES_PER_SECOND
    messages_burst_count: int = MESSAGES_BURST_COUNT
    outbox_frames: int = OUTBOX_MAX_FRAMES
    outbox_bytes: int = OUTBOX_MAX_BYTES
    goodbye_seconds: float = GOODBYE_SECONDS
    cleanup_seconds: float = CLEANUP_SECONDS
