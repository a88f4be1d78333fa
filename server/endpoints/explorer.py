"""The explorer page: GraphiQL from our own copy, example operations and standing accounts.

Open in development only; it needs nothing from the outside network.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from seed.accounts import STANDING

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "web" / "explorer"
OPERATIONS = ROOT / "docs" / "operations"
KINDS = {".js": "text/javascript", ".css": "text/css"}
OWN = ("index.html", "explorer.js", "explorer.css")
PACKED = frozenset(file.stem for file in (PAGE / "vendor").glob("*.gz"))


def explorer_routes() -> list[BaseRoute]:
    """The page at /explorer; a browser that opens the front door is sent there."""
    return [
        Route("/", _home),
        Route("/explorer", _page),
        Route("/explorer/book.json", _book),
        Route("/explorer/vendor/{name}", _vendor),
        Route("/explorer/{name}", _own),
    ]


async def _home(request: Request) -> Response:
    return RedirectResponse("/explorer")


async def _page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _own(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in OWN:
        return Response("There is no such page.", 404)
    return FileResponse(PAGE / name)


async def _vendor(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PACKED:
        return Response("There is no such page.", 404)
    kept = {"content-encoding": "gzip", "cache-control": "public, max-age=86400"}
    packed = PAGE / "vendor" / f"{name}.gz"
    return FileResponse(packed, media_type=KINDS[Path(name).suffix], headers=kept)


async def _book(request: Request) -> Response:
    return JSONResponse({"accounts": _accounts(), "examples": _examples()})


def _accounts() -> list[dict[str, Any]]:
    return [
        {"role": one.role, "email": one.email, "password": one.password}
        for one in STANDING
        if one.email
    ]


@lru_cache(maxsize=1)
def _examples() -> list[dict[str, Any]]:
    """The operations of docs/operations, each with the variables that lie beside it."""
    return [_example(file) for file in sorted(OPERATIONS.glob("*.graphql"))]


def _example(file: Path) -> dict[str, Any]:
    """One operation; its first line says `# For whom and for whom: what it does`."""
    query = file.read_text()
    readers, _, note = query.splitlines()[0].lstrip("# ").partition(": ")
    beside = file.with_suffix(".json")
    return {
        "name": file.stem,
        "readers": readers.replace(" and ", ", ").split(", "),
        "note": note,
        "query": query,
        "variables": beside.read_text() if beside.is_file() else None,
    }
