"""The job that sends mails and text messages."""

from workflows.messages import MessageSender


async def send_messages(sender: MessageSender) -> int:
    """Send the messages that are due; returns how many were tried."""
    return await sender.send_due()
