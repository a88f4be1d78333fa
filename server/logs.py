"""Logging: one line an event, to standard error, with its time in UTC."""

import logging
import sys
import time

LINE_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s %(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
VERBOSE_LOGGERS = ("httpcore", "aiohttp", "stripe", "uvicorn.access")


def configure_logging(level: int = logging.INFO) -> None:
    """Send the records of every logger to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(LINE_FORMAT, TIME_FORMAT)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
