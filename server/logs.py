"""Logs: one line an event, to standard error, with its time in UTC."""

import logging
import sys
import time

LINE = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s %(message)s"


def set_up_logs(level: int = logging.INFO) -> None:
    """Send every logger's lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(LINE, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpcore", "aiohttp", "stripe", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
