"""The mails that a simulated server has accepted, and the faults that a test has scripted."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

MAILS_COUNT = 1_000
FAULT_STAGES = ("connect", "rcpt", "data", "accepted")


@dataclass
class Fault:
    """The next conversations end at a stage: by a reply, or without one by closing."""

    stage: str
    reply: str
    count: int


@dataclass
class Mailbox:
    """The newest mails last, never more than fit."""

    mails: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAILS_COUNT))
    faults: list[Fault] = field(default_factory=list)

    def put(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Keep one mail for each of its recipients."""
        message = message_from_bytes(raw, policy=policy.default)
        body = message.get_body(("plain",))
        for recipient in recipients:
            self.mails.append(
                {
                    "id": str(message["Message-ID"] or ""),
                    "from": sender,
                    "to": recipient,
                    "receivedAt": datetime.now(UTC).isoformat(timespec="seconds"),
                    "subject": str(message["Subject"] or ""),
                    "text": body.get_content() if body is not None else "",
                }
            )

    def to(self, recipient: str | None) -> list[dict[str, Any]]:
        """Return the mails to an address, in any case, the newest first; without one all."""
        wanted = None if recipient is None else recipient.lower()
        return [mail for mail in reversed(self.mails) if wanted in (None, mail["to"].lower())]

    def take_fault(self, stage: str) -> Fault | None:
        """Return the fault that is scripted for this stage, and count it."""
        for fault in self.faults:
            if fault.stage == stage and fault.count > 0:
                fault.count -= 1
                return fault
        return None
