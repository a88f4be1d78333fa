"""What a subscription needs from its process."""

from dataclasses import replace

import pytest

from resolvers.context import Container
from subscriptions.engine.conflation import Value
from subscriptions.engine.hub import Hub, hub_of
from tests.support.actors import ActorClient


class PublisherOnly:
    """Publishes values but delivers no events, as in a process without subscriptions."""

    async def publish_value(self, topic: str, value: Value) -> None:
        """Drop the value."""


async def test_a_subscription_finds_the_hub_of_its_process(container: Container) -> None:
    assert isinstance(hub_of(ActorClient(container).context()), Hub)


async def test_a_process_without_a_hub_refuses_subscriptions(container: Container) -> None:
    without_hub = replace(container, streams=PublisherOnly())
    with pytest.raises(RuntimeError, match="stream hub"):
        hub_of(ActorClient(without_hub).context())
