"""What strangers can make the server's own log say."""

import logging


class StrangersNoise(logging.Filter):
    """Turns uvicorn's traceback for bad UTF-8 in a text frame into one line at INFO.

    Anybody can send such a frame; only what we did wrong belongs at ERROR. Attach it to the
    logger "uvicorn.error".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, the noisy one made quiet."""
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True
