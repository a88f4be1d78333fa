"""Links of mails: nobody makes one, each is for one purpose and one use."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from resolvers.context import Container
from tests.services.accounts.test_sign_up import (
    COMPLETE,
    CONFIRM,
    FIRST,
    FORGOT,
    NEW_EMAIL,
    RESET,
    SECOND,
    SIGN_UP,
    client_of,
    new_email,
    run,
    sign_up,
    types,
)
from tests.support.actors import ActorClient
from tests.support.mailbox import Mailbox

INVALID = ["InvalidLink"]


def forge(token: str) -> str:
    """The same id with another signature."""
    raw = bytearray(urlsafe_b64decode(token))
    raw[-1] ^= 1
    return urlsafe_b64encode(bytes(raw)).decode()


async def test_whoever_guesses_the_id_of_a_link_can_not_use_it(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Ids are in no secret; only the signature is."""
    email, wanted = new_email(), new_email()
    await run(nobody, SIGN_UP, email=email)
    forged = forge(await mailbox.key(email))
    assert types(await run(nobody, COMPLETE, token=forged, password=FIRST)) == INVALID
    owner = client_of(container, await sign_up(nobody, mailbox, email))
    await run(nobody, FORGOT, email=email)
    forged = forge(await mailbox.key(email))
    assert types(await run(nobody, RESET, token=forged, password=SECOND)) == INVALID
    await run(owner, NEW_EMAIL, email=wanted)
    forged = forge(await mailbox.key(wanted))
    assert types(await run(owner, CONFIRM, token=forged)) == INVALID


async def test_a_link_is_for_the_purpose_that_its_mail_named(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """A link that confirms an address opens no account with it, nor sets a password."""
    owner = client_of(container, await sign_up(nobody, mailbox, new_email()))
    wanted = new_email()
    await run(owner, NEW_EMAIL, email=wanted)
    token = await mailbox.key(wanted)
    for document in (COMPLETE, RESET):
        assert types(await run(nobody, document, token=token, password=FIRST)) == INVALID
    assert (await run(owner, CONFIRM, token=token))["user"]["email"] == wanted


async def test_an_address_is_confirmed_by_its_link_once(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """A mail in the box of an address that was given up does not bring it back."""
    owner = client_of(container, await sign_up(nobody, mailbox, new_email()))
    first, second = new_email(), new_email()
    for email in (first, second):
        await run(owner, NEW_EMAIL, email=email)
    tokens = [await mailbox.key(email) for email in (first, second)]
    for token in tokens:
        assert types(await run(owner, CONFIRM, token=token)) == []
    assert types(await run(owner, CONFIRM, token=tokens[0])) == INVALID


async def test_of_two_links_for_one_address_the_first_opens_the_account(
    nobody: ActorClient, mailbox: Mailbox
) -> None:
    """Both were asked for before there was an account; the second one does not take it over."""
    email = new_email()
    tokens = []
    for _ in range(2):
        await run(nobody, SIGN_UP, email=email)
        tokens.append(await mailbox.key(email))
    assert len(set(tokens)) == 2
    opened = [await run(nobody, COMPLETE, token=one, password=FIRST) for one in tokens]
    assert [types(one) for one in opened] == [[], INVALID]


async def test_a_reset_is_for_the_address_that_the_account_has_now(
    nobody: ActorClient, container: Container, mailbox: Mailbox
) -> None:
    """Whoever reads the mails of an address that was given up sets no password."""
    old, new = new_email(), new_email()
    owner = client_of(container, await sign_up(nobody, mailbox, old))
    await run(nobody, FORGOT, email=old)
    token = await mailbox.key(old)
    await run(owner, NEW_EMAIL, email=new)
    assert types(await run(owner, CONFIRM, token=await mailbox.key(new))) == []
    assert types(await run(nobody, RESET, token=token, password=SECOND)) == INVALID
