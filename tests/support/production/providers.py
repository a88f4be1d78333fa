"""The third parties of a server under test, in the process of the test: payments and texts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.stripe import SimulatorSettings, build
from tests.support.actors import InMemorySms
from tests.support.stripe_simulator import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    StripeSandbox,
    WebhookInbox,
    connect_sandbox,
    serve,
)


@asynccontextmanager
async def payment_provider(port: int) -> AsyncIterator[StripeSandbox]:
    """The payment provider at a port; its webhooks go to an inbox of the test."""
    inbox = WebhookInbox()
    async with serve(inbox) as webhook_url:
        settings = SimulatorSettings(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            webhook_url=webhook_url + inbox.address,
        )
        async with (
            serve(build(settings), port=port) as url,
            connect_sandbox(url, inbox, webhook_url) as sandbox,
        ):
            yield sandbox


@asynccontextmanager
async def text_provider(port: int) -> AsyncIterator[InMemorySms]:
    """A provider of text messages at a port, which only notes them."""
    sms = InMemorySms()

    async def send(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        await sms.send(form["To"][0], form["Body"][0])
        return JSONResponse({"sid": "SM1", "status": "queued"}, 201)

    path = "/2010-04-01/Accounts/{account}/Messages.json"
    app = Starlette(routes=[Route(path, send, methods=["POST"])])
    async with serve(app, port=port):
        yield sms
