"""The explorer page: GraphiQL from our own copy, example operations and demo accounts.

Served in development only; it loads nothing from other hosts.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

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
READERS: Mapping[Role, str] = {
    Role.CUSTOMER: "Customers",
    Role.STORE_STAFF: "Store staff",
    Role.STORE_MANAGER: "Store staff",
    Role.RIDER: "Riders",
    Role.SUPPORT_AGENT: "Support",
    Role.COMPANY_ADMIN: "Admins",
    Role.SUPER_ADMIN: "Admins",
}
"""The readers of docs/operations to whom the people of a role belong."""
VENDOR_FILES = frozenset(file.stem for file in (PAGE / "vendor").glob("*.gz"))


def explorer_routes() -> list[BaseRoute]:
    """The page at /explorer, and a redirect to it from the root path."""
    return [
        Route("/", _root),
        Route("/explorer", _page),
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
        return Response("There is no such page.", 404)
    return FileResponse(PAGE / name)


async def _vendor_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in VENDOR_FILES:
        return Response("There is no such page.", 404)
    headers = {"content-encoding": "gzip", "cache-control": "public, max-age=86400"}
    file = PAGE / "vendor" / f"{name}.gz"
    return FileResponse(file, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


async def _content(request: Request) -> Response:
    return JSONResponse({"accounts": _accounts(), "examples": _examples()})


def _accounts() -> list[dict[str, Any]]:
    return [
        {
            "role": account.role,
            "reader": READERS[account.role],
            "email": account.email,
            "password": account.password,
        }
        for account in DEMO_ACCOUNTS
        if account.email
    ]


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
        "query": query,
        "variables": variables.read_text() if variables.is_file() else None,
    }
