"""Sends e-mail through an SMTP server, or to the log when none is configured."""

import logging
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from enum import Enum
from typing import Protocol

import aiosmtplib

log = logging.getLogger("darkstore.mail")

TIMEOUT_SECONDS = 10.0
"""For each step of the conversation with the server."""
PERMANENT_FAILURE = 500
"""Replies from this code on: the same message will never be accepted (RFC 5321, 4.2.1)."""


class MailError(Exception):
    """The mail was not accepted for delivery."""


class MailRejected(MailError):
    """The server rejected this recipient or text; the same mail will never be accepted."""


class MailUnavailable(MailError):
    """No answer, or a temporary error: the mail may or may not have been accepted."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain text for one recipient.

    `id` stays the same when the mail is sent again, so that a mail program shows it once.
    """

    id: str
    to: str
    subject: str
    text: str


class SmtpSecurity(Enum):
    """How the connection is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    OFF = "off"


class MailSender(Protocol):
    """A channel for mails."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; raises MailRejected or MailUnavailable."""


class LoggingMailSender:
    """For development without a server: writes the mail to the log."""

    async def send(self, mail: Mail) -> None:
        log.warning("mail to %s: %s\n%s", mail.to, mail.subject, mail.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailSender:
    """An SMTP server; each mail is sent over a connection of its own."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    security: SmtpSecurity = SmtpSecurity.STARTTLS

    async def send(self, mail: Mail) -> None:
        try:
            await aiosmtplib.send(
                self._message(mail),
                hostname=self.host,
                port=self.port,
                username=self.user or None,
                password=self.password or None,
                use_tls=self.security is SmtpSecurity.TLS,
                start_tls=self.security is SmtpSecurity.STARTTLS,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(max(one.code for one in error.recipients)) from error
        except (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPSenderRefused) as error:
            # Wrong settings are the operator's fault: the mail itself may be valid.
            raise MailUnavailable("The mail server refused the settings of the sender.") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code) from error
        except (aiosmtplib.SMTPException, ssl.SSLError, OSError) as error:
            raise MailUnavailable("The mail server can't be reached.") from error

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, mail.to, mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{mail.id}@{self.sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _refusal(code: int) -> MailError:
    if code >= PERMANENT_FAILURE:
        return MailRejected(f"The mail server answered {code}.")
    return MailUnavailable(f"The mail server answered {code}.")
