"""Header lines of every response, which tell browsers what they must not do with it.

uvicorn adds them with its own (the date): to answers of the fast path, of ASGI, to refused heads
and to handshakes of sockets. So no endpoint names one of them, and none can be forgotten.
"""

# RFC 6797. Browsers ignore it on plain HTTP, so it does no harm without TLS in front. Subdomains
# belong to the operator: they are not included.
STRICT_TRANSPORT = "max-age=31536000"
# The graph answers with data, which loads nothing and is shown in no frame.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# The editor of the explorer sets styles of its own and has its fonts and images in the style sheet.
EXPLORER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self';"
    " font-src 'self' data:; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'"
)


def security_headers(*, development: bool) -> list[tuple[str, str]]:
    """The names and values; only development has pages, and no TLS."""
    headers = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", EXPLORER_POLICY if development else DATA_POLICY),
    ]
    if not development:
        headers.append(("strict-transport-security", STRICT_TRANSPORT))
    return headers
