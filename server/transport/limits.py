"""Every limit of the transport: what one client's request, stream or socket may cost."""

from dataclasses import dataclass

from services.core.token_bucket import BucketSize
from services.identity.access_tokens import LEEWAY_SECONDS

MAX_HEAD_BYTES = 16 * 1024  # of a request: its first line and its headers
MAX_URL_BYTES = 12 * 1024
MAX_HEADERS = 100
HEAD_SECONDS = 10.0
MAX_BODY_BYTES = 100 * 1024
BODY_SECONDS = 10.0
MIN_BODY_BYTES_PER_SECOND = 10 * 1024  # once BODY_SECONDS are over
UNREAD_BODY_SECONDS = 2.0  # for the rest of a body whose request is answered already
LAST_READ_SECONDS = 1.0  # for a refused client to read why
MAX_DISCARDED_BYTES = 1024 * 1024
MAX_WAITING_REFUSED = 500
MAX_JSON_LEVELS = 64
REQUEST_SECONDS = 30.0

STREAM_HEARTBEAT_SECONDS = 12.0
STALLED_READER_SECONDS = 30.0
MAX_CONNECTIONS = 20_000
MAX_CONNECTIONS_PER_ADDRESS = 1_000
RESERVED_FILES_COUNT = 1_000  # for databases, logs and short requests

MAX_FRAME_BYTES = 64 * 1024
MAX_SIGNAL_BYTES = 2 * 1024  # of a ping, pong or complete
INIT_SECONDS = 5.0
SOCKET_HEARTBEAT_SECONDS = 15.0
PONG_SECONDS = 10.0
MAX_SOCKET_OPERATIONS = 50
MAX_OPERATION_ID_CHARS = 128
SOCKET_MESSAGES = BucketSize(capacity=200, refill_per_second=50.0)
FREE_SIGNALS = 30  # pings, pongs and completes of a socket that are free at once
FREE_SIGNAL_SECONDS = 1.0  # until one more of them is free
MAX_CLOSING_BYTES = 128 * 1024  # of a client that does not answer our close
MAX_QUEUED_FRAMES = 64
MAX_QUEUED_BYTES = 1024 * 1024
LAST_FRAMES_SECONDS = 2.0

MAX_REQUEST_ID_CHARS = 64
MAX_INIT_HEADERS = 32
MAX_HEADER_VALUE_CHARS = 8 * 1024


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """The limits of one server; tests shorten the waits, production keeps the defaults."""

    head_seconds: float = HEAD_SECONDS
    body_bytes: int = MAX_BODY_BYTES
    clock_leeway_seconds: float = LEEWAY_SECONDS
    body_seconds: float = BODY_SECONDS
    body_bytes_per_second: int = MIN_BODY_BYTES_PER_SECOND
    unread_body_seconds: float = UNREAD_BODY_SECONDS
    last_read_seconds: float = LAST_READ_SECONDS
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
