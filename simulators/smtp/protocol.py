"""The server's side of SMTP (RFC 5321) with AUTH PLAIN and LOGIN, as far as senders use it."""

import asyncio
import base64
import binascii
import hmac
import re
from contextlib import suppress

from simulators.smtp.mailbox import Mailbox

LINE_LIMIT_BYTES = 4096
MAIL_LIMIT_BYTES = 1_000_000
IDLE_SECONDS = 60.0
PATH = re.compile(r"^(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
UNKNOWN_RECIPIENT = "nobody@invalid.example"


class Hangup(Exception):
    """The conversation is over."""


class SmtpSession:
    """One connection of a sender."""

    def __init__(
        self,
        mailbox: Mailbox,
        credentials: tuple[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._mailbox = mailbox
        self._credentials = credentials
        self._reader = reader
        self._writer = writer
        self._authenticated = not credentials[0]
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Answer commands until the sender leaves."""
        try:
            self._fail_at("connect")
            self._reply("220 simulator ESMTP")
            while True:
                await self._answer(await self._line())
        except (Hangup, TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _answer(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                self._reply("250-simulator", "250-8BITMIME", "250-SMTPUTF8", "250 AUTH PLAIN LOGIN")
            case "HELO" | "NOOP":
                self._reply("250 simulator")
            case "AUTH":
                await self._authenticate(rest)
            case "MAIL":
                self._mail(rest)
            case "RCPT":
                self._rcpt(rest)
            case "DATA":
                await self._data()
            case "RSET":
                self._reset()
                self._reply("250 OK")
            case "QUIT":
                self._reply("221 Bye")
                raise Hangup
            case _:
                self._reply("500 Command not recognized")

    async def _authenticate(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = _decode(initial or await self._ask("")).split("\0")
        else:
            user = _decode(initial or await self._ask("VXNlcm5hbWU6"))
            password = _decode(await self._ask("UGFzc3dvcmQ6"))
        given, expected = (user + "\0" + password), "\0".join(self._credentials)
        self._authenticated = hmac.compare_digest(given.encode(), expected.encode())
        self._reply("235 OK" if self._authenticated else "535 Authentication failed")

    def _mail(self, rest: str) -> None:
        path = PATH.match(rest)
        if not self._authenticated:
            self._reply("530 Authentication required")
        elif path is None:
            self._reply("501 Syntax: MAIL FROM:<address>")
        else:
            self._reset()
            self._sender = path[1]
            self._reply("250 OK")

    def _rcpt(self, rest: str) -> None:
        self._fail_at("rcpt")
        path = PATH.match(rest)
        if self._sender is None:
            self._reply("503 MAIL first")
        elif path is None or "@" not in path[1]:
            self._reply("501 Syntax: RCPT TO:<address>")
        elif path[1].lower() == UNKNOWN_RECIPIENT:
            self._reply("550 No such mailbox")
        else:
            self._recipients.append(path[1])
            self._reply("250 OK")

    async def _data(self) -> None:
        if self._sender is None or not self._recipients:
            self._reply("503 RCPT first")
            return
        self._fail_at("data")
        self._reply("354 End with <CRLF>.<CRLF>")
        lines: list[bytes] = []
        size = 0
        while (line := await self._raw_line()) != b".":
            size += len(line)
            if size > MAIL_LIMIT_BYTES:
                self._reply("552 Too large")
                raise Hangup
            lines.append(line[1:] if line.startswith(b".") else line)
        self._mailbox.put(self._sender, self._recipients, b"\r\n".join(lines))
        self._fail_at("accepted")
        self._reset()
        self._reply("250 Accepted")

    def _reset(self) -> None:
        self._sender, self._recipients = None, []

    def _fail_at(self, stage: str) -> None:
        fault = self._mailbox.take_fault(stage)
        if fault is not None:
            if fault.reply:
                self._reply(fault.reply)
            raise Hangup

    async def _ask(self, challenge: str) -> str:
        self._reply(f"334 {challenge}")
        return await self._line()

    def _reply(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def _line(self) -> str:
        return (await self._raw_line()).decode(errors="replace")

    async def _raw_line(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            await self._writer.drain()
            line = await self._reader.readuntil(b"\n")
        return line.rstrip(b"\r\n")


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "\0\0"


async def serve_smtp(mailbox: Mailbox, port: int, credentials: tuple[str, str]) -> asyncio.Server:
    """Listen on this machine's loopback."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await SmtpSession(mailbox, credentials, reader, writer).run()

    return await asyncio.start_server(talk, "127.0.0.1", port, limit=LINE_LIMIT_BYTES)
