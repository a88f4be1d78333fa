"""The document of the state machines is the one that the code prints."""

from server.commands.states import states_document
from tests.support.paths import ROOT


def test_the_document_is_up_to_date() -> None:
    document = ROOT / "docs" / "states.md"
    assert document.read_text() == states_document(), "run: make states"
