"""How much memory the server uses, when it runs on this machine."""

from pathlib import Path
from urllib.parse import urlsplit


def server_megabytes(url: str) -> float | None:
    """Resident megabytes (10^6 bytes) of the server process at this address; None elsewhere."""
    port = str(urlsplit(url).port)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if "serve" in words and port in words:
                return _resident(folder)
        except OSError:
            continue
    return None


def _resident(folder: Path) -> float:
    for line in (folder / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
