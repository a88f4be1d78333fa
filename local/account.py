"""Under which account a private server runs, and where its files can live."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError

UNPRIVILEGED = ("postgres", "nobody")
FAR = Path("/var/tmp")  # noqa: S108 - unlike /tmp it survives a restart; entries are checked for owner
SOCKET_PATH_BYTES = 90  # the kernel allows 107; the server appends its own file name


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns a private server's files; `name` is None when that is simply ourselves."""

    name: str | None
    uid: int
    gid: int

    def run(
        self, *command: str | Path, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and return its result, whatever the exit status."""
        return subprocess.run(
            [str(part) for part in command],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self.name,
            group=None if self.name is None else self.gid,
            extra_groups=None if self.name is None else [],
        )

    def own(self, path: Path) -> Path:
        """Make the folder with mode 700 and give it to this account."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.name is not None:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)
        return path


def account() -> Account:
    """The account for servers that refuse to run as root; raises LocalError when there is none."""
    if os.geteuid() != 0:
        return Account(None, os.geteuid(), os.getegid())
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LocalError(
        "PostgreSQL refuses to run as root and there is no user 'postgres': add one with useradd."
    )


def home(folder: Path, owner: Account) -> Path:
    """A folder that `owner` can reach: `folder` itself, or one in /var/tmp that it links to.

    A clone under a home of mode 700 is out of reach for the postgres user.
    """
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "home"
    if link.is_symlink() and link.exists():
        return link.resolve()
    if owner.run("test", "-x", folder).returncode == 0:
        return folder
    place = owner.own(_private(FAR / f"darkstore-{digest(folder)}", owner))
    link.unlink(missing_ok=True)
    link.symlink_to(place)
    return place


def socket_folder(place: Path, owner: Account) -> Path:
    """A folder of mode 700 whose path is short enough for a unix socket."""
    near = place / "socket"
    if len(os.fsencode(near)) <= SOCKET_PATH_BYTES:
        return owner.own(near)
    short = Path(tempfile.gettempdir()) / f"darkstore-{digest(place)}"
    return owner.own(_private(short, owner))


def digest(path: Path) -> str:
    """Ten characters that stand for this path."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:10]


def remove(folder: Path) -> None:
    """Delete an instance's folder, with the far folders that it links or leads to."""
    if not folder.exists():
        return
    link = folder / "home"
    place = link.resolve() if link.is_symlink() else folder
    short = Path(tempfile.gettempdir()) / f"darkstore-{digest(place)}"
    for path in {short, place, folder}:
        shutil.rmtree(path, ignore_errors=True)
    if folder.exists():
        raise LocalError(f"{folder} could not be deleted: it holds files of another user.")


def _private(path: Path, owner: Account) -> Path:
    """Refuse a shared folder's entry that somebody else has put there first."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return path
    if stat.S_ISDIR(found.st_mode) and found.st_uid in (owner.uid, os.geteuid()):
        return path
    raise LocalError(f"{path} belongs to somebody else: remove it, then try again.")
