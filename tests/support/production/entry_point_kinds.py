"""Work of the entry points beside the graph: positions, tokens of apps, what has ended, frames."""

import json
import time

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from models.identity import Grant, Role
from resolvers import prices
from server.endpoints.oauth import TOKEN_PATH
from server.endpoints.rider_positions import POSITIONS_PATH
from server.transport.limits import FREE_SIGNALS
from server.transport.websocket.endpoint import SUBPROTOCOL
from tests.support import riders
from tests.support.actors import create_client
from tests.support.production.harness import headers_of
from tests.support.production.measuring_player import MeasuringPlayer

REPORTS = 10
POINTS = 5
TOKENS = 10
SIGNALS = 100
PHONE = "phone"


async def positions(play: MeasuringPlayer) -> None:
    """Reports of a rider's phone, each of some points."""
    database, city = play.container.database, play.city
    if PHONE not in play.clients:
        row = city.riders[1]
        grant = Grant(Role.RIDER, row.company_id)
        play.clients[PHONE] = await create_client(
            play.container, "Phone", grant, person_id=row.person_id
        )
        await riders.bring_online(database, city, 1)
        await riders.age_positions(database, city)
    headers = headers_of(play.clients[PHONE])
    for _ in range(REPORTS):
        rows = [[city.latitude, city.longitude, POINTS - n, 90, 5.5, 8] for n in range(POINTS)]
        status = await play.request(
            "a report of positions", prices.POSITIONS, "POST", POSITIONS_PATH, json=rows,
            headers=headers,
        )  # fmt: skip
        assert status == 200


async def app_tokens(play: MeasuringPlayer) -> None:
    """Access tokens for an app."""
    app = (await play("owner", "app_create", companyId=play.company))["app"]["id"]
    created = await play("owner", "app_secret_create", appId=app, type="CLIENT_SECRET")
    form = {"grant_type": "client_credentials"}
    for _ in range(TOKENS):
        status = await play.request(
            "an access token for an app", prices.ACCESS_TOKEN, "POST", TOKEN_PATH, data=form,
            auth=(app, created["secretValue"]),
        )  # fmt: skip
        assert status == 200


async def ended(play: MeasuringPlayer) -> None:
    """A token that has expired, an address that there is not."""
    token, _ = play.container.authenticator.sign(play.clients["manager"].actor, time.time() - 120)
    headers = {"authorization": f"Bearer {token}"}
    body, price = {"query": "{ __typename }"}, prices.FAILED_AUTHENTICATION
    for _ in range(TOKENS):
        await play.request(
            "an expired token", price, "POST", "/graphql", json=body, headers=headers
        )
        await play.request("an unknown address", prices.REFUSED_REQUEST, "GET", "/nowhere")


async def signals(play: MeasuringPlayer) -> None:
    """Pings on a socket, beyond the free ones."""
    url = f"ws://127.0.0.1:{play.http.base_url.port}/graphql"
    authorization = headers_of(play.clients["manager"])["authorization"]
    async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)]) as socket:
        begin = {"type": "connection_init", "payload": {"authorization": authorization}}
        await socket.send(json.dumps(begin))
        for _ in range(FREE_SIGNALS):
            await socket.send('{"type":"ping"}')
            await socket.recv()
        before = play.meter.read()
        for _ in range(SIGNALS):
            await socket.send('{"type":"ping"}')
            await socket.recv()
        used = play.meter.read().since(before)
    play.spent["100 pings on a socket"].add(used, prices.SIGNAL * SIGNALS)


ENTRY_POINT_KINDS = (positions, app_tokens, ended, signals)
