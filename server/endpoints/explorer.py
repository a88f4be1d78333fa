"""The explorer page: GraphiQL from our own copy, example operations and demo accounts.

Served in development only; it loads nothing from other hosts.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from models.identity import Role
from seed.accounts import DEMO_ACCOUNTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "web" / "explorer"
OPERATIONS = ROOT / "docs" / "operations"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
PAGE_FILES = ("index.html", "explorer.js", "explorer.css")
ANYBODY, SIGNED_IN_USERS = "Anybody", "Signed-in users"
READERS: Mapping[Role, str] = {
    Role.CUSTOMER: "Customers",
    Role.STORE_STAFF: "Store staff",
    Role.STORE_MANAGER: "Store managers",
    Role.RIDER: "Riders",
    Role.SUPPORT_AGENT: "Support",
    Role.COMPANY_ADMIN: "Company admins",
    Role.SUPER_ADMIN: "Super admins",
}
"""The reader of docs/operations that the people of a role are, and nobody with less rights."""
GROUPS = (ANYBODY, SIGNED_IN_USERS, *READERS.values())
STORE_READERS = ("Store staff", "Store managers", "Company admins")
"""Each may what the one before may."""
FIRST_EXAMPLES: Mapping[Role | None, str] = {
    None: "storefront",
    Role.CUSTOMER: "order_history",
    Role.STORE_STAFF: "fulfillment_queue",
    Role.STORE_MANAGER: "supplier_list",
    Role.RIDER: "rider_desk",
    Role.SUPPORT_AGENT: "ticket_queue",
    Role.COMPANY_ADMIN: "company_stock",
    Role.SUPER_ADMIN: "job_list",
}
"""What somebody with a role sees first: a query that runs as it is; None is for nobody."""
BUDGET_LINE = re.compile(r"^# At most \d+ statements?\.\n", re.MULTILINE)
"""What a document may cost in SQL statements: for the tests, of no use to who writes a client."""
VENDOR_FILES = frozenset(file.stem for file in (PAGE / "vendor").glob("*.gz"))


def explorer_routes() -> list[BaseRoute]:
    """The page at /explorer, and a redirect to it from the root path."""
    return [
        Route("/", _root),
        Route("/explorer", _page),
        Route("/explorer/", _root),
        Route("/explorer/book.json", _content),
        Route("/explorer/vendor/{name}", _vendor_file),
        Route("/explorer/{name}", _page_file),
    ]


async def _root(request: Request) -> Response:
    return RedirectResponse("/explorer")


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _page_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PAGE_FILES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(PAGE / name)


async def _vendor_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in VENDOR_FILES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = {"content-encoding": "gzip", "cache-control": "public, max-age=86400"}
    file = PAGE / "vendor" / f"{name}.gz"
    return FileResponse(file, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


async def _content(request: Request) -> Response:
    content = {
        "groups": GROUPS,
        "first": FIRST_EXAMPLES[None],
        "accounts": _accounts(),
        "examples": _examples(),
    }
    return JSONResponse(content)


def _accounts() -> list[dict[str, Any]]:
    return [
        {
            "role": account.role,
            "readers": _readers(account.role),
            "first": FIRST_EXAMPLES[account.role],
            "email": account.email,
            "password": account.password,
        }
        for account in DEMO_ACCOUNTS
        if account.email
    ]


def _readers(role: Role) -> list[str]:
    """The readers whose examples are for somebody with this role."""
    own = READERS[role]
    less = STORE_READERS[: STORE_READERS.index(own)] if own in STORE_READERS else ()
    return [ANYBODY, SIGNED_IN_USERS, own, *less]


@lru_cache(maxsize=1)
def _examples() -> list[dict[str, Any]]:
    """The operations of docs/operations, each with the variables in the JSON file beside it."""
    return [_example(file) for file in sorted(OPERATIONS.glob("*.graphql"))]


def _example(file: Path) -> dict[str, Any]:
    """One operation; its first line is `# Reader and reader: what it does`."""
    query = file.read_text()
    readers, _, note = query.splitlines()[0].lstrip("# ").partition(": ")
    variables = file.with_suffix(".json")
    return {
        "name": file.stem,
        "readers": readers.replace(" and ", ", ").split(", "),
        "note": note,
        "query": BUDGET_LINE.sub("", query, 1),
        "variables": variables.read_text() if variables.is_file() else None,
    }
