"""Endpoints that read objects, lists (newest first) and the balance, or create customers."""

from simulators.stripe.account import ApiCall
from simulators.stripe.wire import ApiError, Body, allow, metadata, new_id, positive, text

PAGE_LIMIT_COUNT = 100
PAGE_DEFAULT_COUNT = 10

EXPANDABLE = {
    "charge": "charge",
    "customer": "customer",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
}


def get_object(kind: str, call: ApiCall) -> Body:
    """GET /v1/{kind}s/{id}"""
    return call.account.get(kind, call.path_id)


def list_objects(kind: str, url: str, parent_param: str | None, call: ApiCall) -> Body:
    """GET /v1/{kind}s"""
    names = ("created", "limit", "starting_after", "ending_before", parent_param or "limit")
    allow(call.params, names)
    limit = positive(call.params, "limit") or PAGE_DEFAULT_COUNT
    if limit > PAGE_LIMIT_COUNT:
        raise ApiError(
            400,
            f"This value must be less than or equal to {PAGE_LIMIT_COUNT} (it is {limit}).",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = text(call.params, "starting_after"), text(call.params, "ending_before")
    for name, key in (("starting_after", after), ("ending_before", before)):
        if key:
            call.account.get(kind, key, name)
    parent = text(call.params, parent_param) if parent_param else None
    rows = call.account.state.page(
        kind,
        before=before,
        after=after,
        parent=parent,
        since=_created_since(call.params),
        limit=limit + 1,
    )
    more = len(rows) > limit
    # The additional row, which only shows that there are more, is at the far end.
    rows = rows[1:] if more and before and not after else rows[:limit]
    return {"object": "list", "data": rows, "has_more": more, "url": url}


def _created_since(params: Body) -> int | None:
    created = params.get("created")
    return positive(created, "gte") if isinstance(created, dict) else None


def balance(call: ApiCall) -> Body:
    """GET /v1/balance: captured and not refunded amounts, by currency."""
    rows = call.account.state.db.execute(
        "SELECT json_extract(body, '$.currency'), sum(json_extract(body, '$.amount_captured')"
        " - json_extract(body, '$.amount_refunded'))"
        " FROM object WHERE kind = 'charge' GROUP BY 1 ORDER BY 1"
    )
    available = [
        {"amount": int(amount), "currency": currency, "source_types": {"card": int(amount)}}
        for currency, amount in rows
    ]
    return {"object": "balance", "available": available, "livemode": False, "pending": []}


def create_customer(call: ApiCall) -> Body:
    """POST /v1/customers"""
    allow(call.params, ("description", "email", "metadata", "name", "phone"))
    customer = {
        "id": new_id("cus"),
        "object": "customer",
        "created": call.account.state.now(),
        "description": text(call.params, "description"),
        "email": text(call.params, "email"),
        "livemode": False,
        "metadata": metadata(call.params),
        "name": text(call.params, "name"),
        "phone": text(call.params, "phone"),
    }
    return call.account.state.add(customer)


def expand(call: ApiCall, body: Body) -> Body:
    """Replace ids by the objects that the caller wants expanded."""
    wanted = call.params.get("expand")
    if not wanted:
        return body
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise ApiError(400, "Invalid array", param="expand")
    targets, prefix = (body["data"], "data.") if body["object"] == "list" else ([body], "")
    expanded = [dict(target) for target in targets]
    for name in wanted:
        field = name.removeprefix(prefix)
        if field not in EXPANDABLE or not name.startswith(prefix):
            raise ApiError(400, f"This property cannot be expanded ({name[:50]}).", param="expand")
        for target in expanded:
            if isinstance(key := target.get(field), str):
                target[field] = call.account.get(EXPANDABLE[field], key)
    return {**body, "data": expanded} if prefix else expanded[0]
