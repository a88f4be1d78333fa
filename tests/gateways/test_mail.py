"""Mails through the SMTP client, against the simulator over a socket."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateways.mail import (
    LoggingMailSender,
    Mail,
    MailError,
    MailRejected,
    MailUnavailable,
    SmtpMailSender,
    SmtpSecurity,
)
from simulators.smtp.mailbox import Fault, Mailbox
from simulators.smtp.protocol import UNKNOWN_RECIPIENT, serve_smtp

USER, PASSWORD = "shop", "secret"
SENDER = "Darkstore <hello@shop.example>"
MAIL = Mail("0190", "ana@example.org", "Bem-vinda à loja", "Olá,\n.\num ponto só.\n")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def sender(mailbox: Mailbox) -> AsyncIterator[SmtpMailSender]:
    """A client of a simulated server on a free port."""
    async with await serve_smtp(mailbox, 0, (USER, PASSWORD)) as server:
        port = server.sockets[0].getsockname()[1]
        yield SmtpMailSender(
            host="127.0.0.1",
            port=port,
            sender=SENDER,
            user=USER,
            password=PASSWORD,
            security=SmtpSecurity.OFF,
        )


async def error_of(sender: SmtpMailSender, mail: Mail = MAIL) -> MailError:
    with pytest.raises(MailError) as caught:
        await sender.send(mail)
    return caught.value


async def test_a_mail_reaches_its_recipient(sender: SmtpMailSender, mailbox: Mailbox) -> None:
    """With letters beyond ASCII in subject and text, and a line that is a dot alone."""
    await sender.send(MAIL)
    (stored,) = mailbox.to(MAIL.to)
    assert (stored["from"], stored["subject"]) == ("hello@shop.example", MAIL.subject)
    assert stored["text"].splitlines() == MAIL.text.splitlines()


async def test_a_mail_that_is_sent_again_has_the_same_message_id(
    sender: SmtpMailSender, mailbox: Mailbox
) -> None:
    """The answer to the first one was lost: a mail program shows the two as one."""
    mailbox.faults.append(Fault("data", "", 1))
    assert isinstance(await error_of(sender), MailUnavailable)
    for _ in range(2):
        await sender.send(MAIL)
    assert {mail["id"] for mail in mailbox.to(MAIL.to)} == {"<0190@shop.example>"}


async def test_an_unknown_recipient_is_rejected(sender: SmtpMailSender) -> None:
    error = await error_of(sender, replace(MAIL, to=UNKNOWN_RECIPIENT))
    assert isinstance(error, MailRejected)


@pytest.mark.parametrize(
    ("stage", "reply", "expected"),
    [
        ("connect", "421 Busy", MailUnavailable),
        ("connect", "", MailUnavailable),
        ("rcpt", "450 Try later", MailUnavailable),
        ("rcpt", "550 No such mailbox", MailRejected),
        ("data", "451 Try later", MailUnavailable),
        ("data", "554 Refused", MailRejected),
    ],
)
async def test_a_reply_from_500_on_is_final_and_everything_else_is_not(
    sender: SmtpMailSender, mailbox: Mailbox, stage: str, reply: str, expected: type[MailError]
) -> None:
    mailbox.faults.append(Fault(stage, reply, 1))
    assert type(await error_of(sender)) is expected
    await sender.send(MAIL)


async def test_wrong_settings_of_the_operator_reject_no_mail(
    sender: SmtpMailSender, mailbox: Mailbox
) -> None:
    """A wrong password, a server without encryption, and one that does not listen."""
    for wrong in (
        replace(sender, password="wrong"),
        replace(sender, security=SmtpSecurity.STARTTLS),
        replace(sender, security=SmtpSecurity.TLS),
        replace(sender, port=9),
    ):
        assert isinstance(await error_of(wrong), MailUnavailable)
    assert not mailbox.mails


async def test_without_a_server_the_mail_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await LoggingMailSender().send(MAIL)
    assert MAIL.subject in caplog.text
