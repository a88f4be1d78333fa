"""The page of the simulated mailbox, where a developer finds the links of mails."""

import httpx

from simulators.smtp.app import LINK, _article, build
from simulators.smtp.mailbox import Mailbox

MAIL = b"""Subject: Sign <in>\r\nMessage-ID: <1@shop.example>\r\n\r\n\
Open http://127.0.0.1:8000/sign-in#key=a&b=1. "http://b.example/" <script>x</script>\r\n"""


def test_a_link_in_a_mail_is_a_link_and_everything_else_is_text() -> None:
    """Links had to be marked and copied, while the page was loaded anew every 3 seconds."""
    mailbox = Mailbox()
    mailbox.put("shop@shop.example", ["ana@mail.example"], MAIL)
    [mail] = mailbox.to("ANA@mail.example")
    page = _article(mail)
    address = "http://127.0.0.1:8000/sign-in#key=a&amp;b=1"
    assert f'<a href="{address}">{address}</a>.' in page
    assert '&quot;<a href="http://b.example/">http://b.example/</a>&quot;' in page
    assert "<script>" not in page
    assert "Sign &lt;in&gt;" in page
    assert f'datetime="{mail["receivedAt"]}"' in page


def test_the_end_of_a_sentence_is_not_part_of_a_link() -> None:
    assert LINK.findall("See https://a.example/x?y=1), or (https://b.example/).") == [
        "https://a.example/x?y=1",
        "https://b.example/",
    ]


async def test_the_page_fits_a_phone_and_does_not_reload_while_text_is_marked() -> None:
    app = build(0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mails.test") as client:
        page = (await client.get("/")).text
    assert "http-equiv" not in page
    assert 'name="viewport"' in page
    assert "getSelection().isCollapsed" in page
    assert "No mail yet." in page
