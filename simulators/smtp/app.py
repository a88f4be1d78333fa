"""The mailbox as a page for people, and as JSON with scripted faults for tests."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulators.smtp.mailbox import FAULT_STAGES, Fault, Mailbox
from simulators.smtp.protocol import serve_smtp

PAGE_COUNT = 50
# New mails appear by themselves, unless the reader has marked something to copy.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mailbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere}}</style>
<h1>Mailbox</h1><main>{}</main>
<script>setInterval(async () => {{
  if (!getSelection().isCollapsed) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, fresh] = [document, page].map((one) => one.querySelector("main"));
  if (old.innerHTML !== fresh.innerHTML && getSelection().isCollapsed) old.replaceWith(fresh);
}}, 3000)</script>"""
ARTICLE = (
    '<article><h2>{}</h2><p>to {}, <time datetime="{}">{} UTC</time></p><pre>{}</pre></article>'
)
LINK = re.compile(r"(https?://[^\s<>\"']+[^\s<>\"'.,;:!?)])")


def _article(mail: Mapping[str, Any]) -> str:
    """One mail as HTML, with its links as links."""
    received = datetime.fromisoformat(mail["receivedAt"])
    subject, to = html.escape(mail["subject"]), html.escape(mail["to"])
    parts = [html.escape(part) for part in LINK.split(mail["text"])]
    parts[1::2] = [f'<a href="{address}">{address}</a>' for address in parts[1::2]]
    shown = f"{received:%H:%M:%S}"
    return ARTICLE.format(subject, to, mail["receivedAt"], shown, "".join(parts))


def build(smtp_port: int, user: str = "", password: str = "") -> Starlette:
    """The simulator: SMTP on a port of its own while the application runs."""
    mailbox = Mailbox()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server = await serve_smtp(mailbox, smtp_port, (user, password))
        async with server:
            yield

    async def page(request: Request) -> Response:
        mails = mailbox.to(request.query_params.get("to"))[:PAGE_COUNT]
        articles = "".join(map(_article, mails))
        return HTMLResponse(PAGE.format(articles or "<p>No mail yet.</p>"))

    async def messages(request: Request) -> Response:
        return JSONResponse({"messages": mailbox.to(request.query_params.get("to"))[:PAGE_COUNT]})

    async def script(request: Request) -> Response:
        body = await request.json()
        if not isinstance(body, dict) or body.get("stage") not in FAULT_STAGES:
            return JSONResponse({"error": f"stage is one of {FAULT_STAGES}"}, 400)
        fault = Fault(body["stage"], str(body.get("reply", "")), int(body.get("count", 1)))
        mailbox.faults.append(fault)
        return JSONResponse({}, 201)

    return Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/_control/messages", messages, methods=["GET"]),
            Route("/_control/faults", script, methods=["POST"]),
        ],
        lifespan=lifespan,
    )
