"""The mailbox as a page for people, and as JSON with scripted faults for tests."""

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from simulators.smtp.mailbox import FAULT_STAGES, Fault, Mailbox
from simulators.smtp.protocol import serve_smtp

PAGE_COUNT = 50
PAGE = """<!doctype html><meta charset="utf-8"><title>Mailbox</title>
<meta http-equiv="refresh" content="3">
<style>body{{font:16px sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere}}</style>
<h1>Mailbox</h1>{}"""
ARTICLE = "<article><h2>{}</h2><p>to {}</p><pre>{}</pre></article>"


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
        articles = "".join(
            ARTICLE.format(*(html.escape(mail[key]) for key in ("subject", "to", "text")))
            for mail in mails
        )
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
