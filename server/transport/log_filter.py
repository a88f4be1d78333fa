"""Keeps errors of clients out of the server's own error log."""

import logging


class ClientErrorFilter(logging.Filter):
    """Turns uvicorn's traceback for invalid UTF-8 in a text frame into one line at INFO.

    Any client can send such a frame; only faults of the server belong at ERROR. Attach it to the
    logger "uvicorn.error".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, and lower the level of such a one."""
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True
