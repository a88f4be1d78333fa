"""Checks at the start of a command what its settings name: files, the database, the cache.

What can't work is refused with a sentence. What only works later, a cache or a mail server that is
away or a database that is starting, is a warning: a process must be able to start in an outage.
"""

import asyncio
import os
import re
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from sqlalchemy import make_url

from database.connections import driver_address
from database.sessions import APPLICATION_ROLE
from seed.accounts import DEMO_ACCOUNTS
from seed.bulk_load import stable_id
from server.persisted_queries.manifest import load_manifest
from server.settings import declarations as declared
from server.settings.installation import files_folder
from server.settings.setting import BadSetting, Setting
from services.identity.access_tokens import KeysFileInvalid, load_keys

CONNECT_SECONDS = 5.0
CACHE_SECONDS = 2.0
GATEWAY_SECONDS = 2.0
SELECT_DEMO_PEOPLE = "select exists (select from person where id = any($1::uuid[]))"
CACHE_REFUSALS = (AuthenticationError, AuthenticationWrongNumberOfArgsError, NoPermissionError)
WRONG_DATABASES = ("DB index", "SELECT is not allowed")
"""Parts of the answers to a number of a database that the server does not have."""
OTHERS_BITS = stat.S_IRWXO
GROUP_BITS = stat.S_IRWXG

PREFIX = "DARKSTORE_"
# What Kubernetes sets in every pod beside a service with the name darkstore.
SERVICE_ADDRESS = re.compile(r"DARKSTORE_(\w+_)?(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)")

Environment = Mapping[str, str]


def check_settings(settings: Sequence[Setting[Any]], environment: Environment) -> list[str]:
    """Check the settings that a command reads; return warnings. Raises BadSetting."""
    for setting in settings:
        setting.find(environment)
    checks = [CHECKS[setting.name] for setting in settings if setting.name in CHECKS]
    return [warning for check in checks if (warning := check(environment))]


def undeclared_settings(environment: Environment) -> list[str]:
    """Return a warning for each variable with our prefix that nothing reads: a slip of the pen."""
    known = [setting.name for setting in declared.SETTINGS]
    unknown = [
        name
        for name, value in environment.items()
        if name.startswith(PREFIX) and value.strip() and name not in (*known, *declared.OTHER_NAMES)
        if not SERVICE_ADDRESS.fullmatch(name)
    ]
    warnings = []
    for name in sorted(unknown):
        near = get_close_matches(name, known, 1, 0.8)
        meant = f": is {near[0]} meant?" if near else "; docs/settings.md lists all settings."
        warnings.append(f"{name} is not a setting and is ignored{meant}")
    return warnings


def _check_keys_file(environment: Environment) -> str | None:
    """The file of the signing keys, which is made if it is missing."""
    name, file = declared.KEYS_FILE.name, Path(declared.KEYS_FILE.read(environment))
    try:
        if file.exists() and not file.is_file():
            raise BadSetting(f"{name}: {file} is not a file.")
        load_keys(file)
        _require_private(name, file)
    except OSError as error:
        raise BadSetting(f"{name}: {file} can't be read or made ({error.strerror}).") from None
    except KeysFileInvalid:
        raise BadSetting(f"{name}: {file} holds no keys of ours.") from None
    return None


def _require_private(name: str, file: Path) -> None:
    """Refuse a file that others may read; a group may read one of root, as it is mounted."""
    found = file.stat()
    is_foreign = found.st_uid == 0 and os.geteuid() != 0
    forbidden = OTHERS_BITS if is_foreign else OTHERS_BITS | GROUP_BITS
    if found.st_mode & forbidden:
        mode = stat.S_IMODE(found.st_mode)
        raise BadSetting(
            f"{name}: others may read or write {file} (mode {mode:04o}): `chmod 600` it, and"
            " `python -m server keys rotate` twice if they did."
        )


def _check_files_folder(environment: Environment) -> str | None:
    """The folder of uploads, which is made if it is missing."""
    name, folder = declared.FILES_FOLDER.name, Path(files_folder(environment))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(f"{name}: the folder {folder} can't be made ({error.strerror}).") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise BadSetting(f"{name}: this process may not write to {folder}.")
    return None


def _check_manifest(environment: Environment) -> str | None:
    load_manifest(declared.MANIFEST.find(environment))
    return None


def _check_database(environment: Environment) -> str | None:
    """Connect once: a wrong address, user or password is known before anything runs."""
    name, url = declared.DATABASE_URL.name, declared.DATABASE_URL.read(environment)
    try:
        asyncio.run(_connect(url))
    except (asyncpg.CannotConnectNowError, asyncpg.InsufficientResourcesError) as error:
        return f"{name}: the database takes no connections now ({error})."
    except asyncpg.InvalidCatalogNameError:
        raise BadSetting(
            f"{name}: the server has no database {make_url(url).database!r}."
        ) from None
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise BadSetting(f"{name}: the database refuses the user or the password.") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise BadSetting(
            f"{name}: the database {_where(url)} can't be reached ({_reason(error)}):"
            " is it up, and is the address right?"
        ) from None
    return None


async def _connect(url: str) -> None:
    connection = await asyncpg.connect(driver_address(url), timeout=CONNECT_SECONDS)
    await connection.close(timeout=CONNECT_SECONDS)


def _check_people(environment: Environment) -> str | None:
    """The tables are there, and outside development nobody whose password everybody knows."""
    try:
        has_demo_people = asyncio.run(_has_demo_people(declared.DATABASE_URL.read(environment)))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidParameterValueError):
        raise BadSetting(
            f"{declared.DATABASE_URL.name}: the database has no tables yet:"
            " run `python -m server migrate` first."
        ) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None  # what can't be reached was reported by the check of the address
    if has_demo_people and declared.ENVIRONMENT.read(environment) != declared.DEVELOPMENT:
        raise BadSetting(
            f"{declared.ENVIRONMENT.name} is not development, but the database holds the people"
            " of the demo, whose passwords everybody knows: use a database without the seed."
        )
    return None


async def _has_demo_people(url: str) -> bool:
    ids = [stable_id("person", account.email) for account in DEMO_ACCOUNTS]
    connection = await asyncpg.connect(driver_address(url), timeout=CONNECT_SECONDS)
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"set local role {APPLICATION_ROLE}")
            await connection.execute("select set_config('app.platform', 'on', true)")
            return bool(await connection.fetchval(SELECT_DEMO_PEOPLE, ids))
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


def _check_cache(environment: Environment) -> str | None:
    """Ask the cache once: processes do without it, but not with a wrong password or database.

    What a server answers in a fault of its own (full, busy, loading, without its primary) passes.
    """
    name, url = declared.REDIS_URL.name, declared.REDIS_URL.find(environment)
    if url is None:
        return None
    try:
        with Redis.from_url(
            url, socket_timeout=CACHE_SECONDS, socket_connect_timeout=CACHE_SECONDS, retry=None
        ) as cache:
            cache.ping()
    except (ResponseError, AuthenticationError, BusyLoadingError) as error:
        is_wrong = isinstance(error, CACHE_REFUSALS)
        if is_wrong or any(text in str(error) for text in WRONG_DATABASES):
            raise BadSetting(f"{name}: Valkey or Redis refuses the connection ({error}).") from None
        return (
            f"{name}: Valkey or Redis {_where(url)} answers with a fault ({error}):"
            " processes hear of each other late until it has passed."
        )
    except (OSError, RedisError) as error:
        return (
            f"{name}: Valkey or Redis {_where(url)} can't be reached ({_reason(error)}):"
            " processes hear of each other late until it answers."
        )
    return None


def _check_mail_server(environment: Environment) -> str | None:
    host = declared.SMTP_HOST.find(environment)
    return host and _reach(declared.SMTP_HOST, host, declared.SMTP_PORT.read(environment))


def _check_gateway(setting: Setting[str]) -> Callable[[Environment], str | None]:
    """A check of the address of a provider, where another one than the provider's own is set."""

    def check(environment: Environment) -> str | None:
        url = setting.find(environment)
        if url is None:
            return None
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return _reach(setting, parts.hostname or "", port)

    return check


def _reach(setting: Setting[str], host: str, port: int) -> str | None:
    """Connect once: what is sent later waits in a queue, so a failure is a warning."""
    try:
        with socket.create_connection((host, port), timeout=GATEWAY_SECONDS):
            return None
    except OSError as error:
        return (
            f"{setting.name}: {host}:{port} can't be reached ({_reason(error)}):"
            " what is to be sent waits until it answers."
        )


def _where(url: str) -> str:
    """The host and the port of an address, without its user and password."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host")
    return f"at {host}:{parsed.port}" if parsed.port else f"at {host}"


def _reason(error: Exception) -> str:
    """The cause in a few words, without addresses."""
    cause: BaseException = error
    while not isinstance(cause, OSError | TimeoutError) and (cause.__context__ is not None):
        cause = cause.__context__
    if isinstance(cause, TimeoutError):
        return "no answer"
    if isinstance(cause, OSError) and cause.strerror:
        return os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
    return type(error).__name__


CHECKS: Mapping[str, Callable[[Environment], str | None]] = {
    declared.KEYS_FILE.name: _check_keys_file,
    declared.FILES_FOLDER.name: _check_files_folder,
    declared.MANIFEST.name: _check_manifest,
    declared.DATABASE_URL.name: _check_database,
    declared.ENVIRONMENT.name: _check_people,
    declared.REDIS_URL.name: _check_cache,
    declared.STRIPE_API_BASE.name: _check_gateway(declared.STRIPE_API_BASE),
    declared.SMS_API_BASE.name: _check_gateway(declared.SMS_API_BASE),
    declared.SMTP_HOST.name: _check_mail_server,
}
"""For settings that name something outside of the process: whether it can be used."""
