"""Every limit of the transport: what one client's request, stream or socket may cost."""

from dataclasses import dataclass

from services.core.token_bucket import BucketSize

MAX_BODY_BYTES = 100 * 1024
BODY_READ_SECONDS = 10.0
MAX_URL_QUERY_BYTES = 16 * 1024
MAX_JSON_LEVELS = 64
REQUEST_SECONDS = 30.0

STREAM_HEARTBEAT_SECONDS = 12.0
STALLED_READER_SECONDS = 30.0
MAX_CONNECTIONS = 20_000
RESERVED_FILES_COUNT = 1_000  # for databases, logs and short requests

MAX_FRAME_BYTES = 64 * 1024
INIT_SECONDS = 5.0
SOCKET_HEARTBEAT_SECONDS = 15.0
PONG_SECONDS = 10.0
MAX_SOCKET_OPERATIONS = 50
MAX_OPERATION_ID_CHARS = 128
SOCKET_MESSAGES = BucketSize(capacity=200, refill_per_second=50.0)
MAX_QUEUED_FRAMES = 64
MAX_QUEUED_BYTES = 1024 * 1024
LAST_FRAMES_SECONDS = 2.0

MAX_REQUEST_ID_CHARS = 64
MAX_INIT_HEADERS = 32
MAX_HEADER_VALUE_CHARS = 8 * 1024


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """The limits of one server; tests shorten the waits, production keeps the defaults."""

    body_bytes: int = MAX_BODY_BYTES
    body_seconds: float = BODY_READ_SECONDS
    url_query_bytes: int = MAX_URL_QUERY_BYTES
    json_levels: int = MAX_JSON_LEVELS
    request_seconds: float = REQUEST_SECONDS
    stream_heartbeat_seconds: float = STREAM_HEARTBEAT_SECONDS
    stalled_seconds: float = STALLED_READER_SECONDS
    frame_bytes: int = MAX_FRAME_BYTES
    init_seconds: float = INIT_SECONDS
    socket_heartbeat_seconds: float = SOCKET_HEARTBEAT_SECONDS
    pong_seconds: float = PONG_SECONDS
    socket_operations_count: int = MAX_SOCKET_OPERATIONS
    socket_messages: BucketSize = SOCKET_MESSAGES
    queued_frames: int = MAX_QUEUED_FRAMES
    queued_bytes: int = MAX_QUEUED_BYTES
    last_frames_seconds: float = LAST_FRAMES_SECONDS
