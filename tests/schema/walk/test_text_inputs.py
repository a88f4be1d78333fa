"""Every String of the graph is read by a value type, and answered as its declared use says.

Each is sent where the operation works with its ordinary input: with invisible and bidi marks, in
both normal forms, with digits of full width and with U+2028. Noted is which value type reads it,
and what is echoed; equal texts must be answered alike.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType, GraphQLString, get_named_type

from attack.extremes.inputs import SHAPE, CompletedDocument, InputPlace, with_value
from execution import Answer
from resolvers.context import Container
from tests.schema.walk.test_extremes import every_input
from tests.support.actors import InMemorySms
from tests.support.city import City
from tests.support.customers import NO_LIMITS
from tests.support.extremes.player import ExtremesPlayer, undone
from tests.support.extremes.text_uses import BY_PROGRAMS, USES, Use, noted_uses
from tests.support.operations.every_operation import play_every_operation
from tests.support.operations.player import Operation, create_player
from tests.support.stripe_simulator import open_sandbox

pytestmark = pytest.mark.timeout(900)
FIRST_TOKEN = 700_123
"""Found in what is echoed, whatever becomes of letters; another one for each input."""
INVISIBLE, BIDI, SEPARATOR = "\N{ZERO WIDTH SPACE}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\u2028"
PLAIN = "Caf\u00e9 #"
EQUAL = {
    "an invisible mark": (f"{INVISIBLE}Caf\u00e9 {INVISIBLE}#", PLAIN),
    "a bidi mark": (f"{BIDI}Caf\u00e9 #\N{POP DIRECTIONAL FORMATTING}", PLAIN),
    "the normal form D": ("Cafe\u0301 #", PLAIN),
}
"""Texts that are answered alike; # stands for the token, ## for its digits in full width."""
EQUAL_CODES = {"digits of full width": ("##", "#"), "a mark in a code": (f"{BIDI}#", "#")}
IN_PLACE: dict[str, dict[str, Any]] = {
    "PosSaleCreateInput.terminalReference": {"tenderType": "CARD", "cashReceivedMinor": None},
    "StockCountStartInput.aisle": {"productIds": None},
}
"""What else has to be given or left out, so that an input is read."""


@dataclass
class TextPlayer(ExtremesPlayer):
    """Sends forms of text to every String of an operation before its first call."""

    uses: dict[str, set[Use]] = field(default_factory=dict)
    """What was seen to read each input."""
    wrong: list[str] = field(default_factory=list)

    async def _try_all(self, who: str, name: str, given: dict[str, Any]) -> None:
        operation = Operation(name)
        document, variables = CompletedDocument(operation.document), operation.variables(**given)
        with undone():
            for place in document.places:
                is_text = place.shapes[-1] is GraphQLString and not place.is_cursor
                if is_text and place.name not in self.uses:
                    self.tried.add(place.name)
                    await self._try_text(who, document.text, self._fitting(variables, place), place)

    def _fitting(self, variables: dict[str, Any], place: InputPlace) -> dict[str, Any]:
        more = dict(IN_PLACE.get(place.name, {}))
        if place.name == "TransferDiscrepancyInput.batchCode":
            more["discrepancies"] = [{"productId": self.product(0), "received": 1}]
        return {"input": variables["input"] | more} if more else variables

    async def _try_text(
        self, who: str, document: str, variables: dict[str, Any], place: InputPlace
    ) -> None:
        token = str(FIRST_TOKEN + len(self.tried))

        async def tell(form: str) -> Told:
            text = form.replace("##", _wide(token)).replace("#", token)
            sent = with_value(variables, place, text)
            with noted_uses(text) as uses:
                answer = await self._first_answer(who, document, sent)
            if uses:  # once: what is cached is not read again
                self.uses.setdefault(place.name, uses)
            return _told(answer, token)

        await tell(PLAIN)
        if (uses := self.uses.get(place.name)) is None:
            return
        is_code = bool(uses & {Use.CODE, Use.DIGITS, Use.PHONE})
        for form, (sent, same) in (EQUAL | (EQUAL_CODES if is_code else {})).items():
            told, expected = await tell(sent), await tell(same)
            if told != expected:
                self.wrong.append(f"{place.name}, {form}: {told} is not {expected}")
        told = await tell(f"Caf\u00e9{SEPARATOR}#")
        if uses & {Use.NAME, Use.CODE} and not told.problems:
            self.wrong.append(f"{place.name}: U+2028 passes as one line: {told}")


def _wide(digits: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in digits)


@dataclass(frozen=True)
class Told:
    """What an answer says of a text: problems by type and path, and the echoed text."""

    problems: tuple[str, ...]
    echoes: tuple[str, ...]


def _told(answer: Answer, token: str) -> Told:
    data = orjson.loads(orjson.dumps(answer.data))
    errors = answer.errors or []
    problems = [f"{error['extensions']['code']} {error.get('path')}" for error in errors]
    echoes: list[str] = []
    _collect(data, problems, echoes)
    echoes = [text for text in echoes if token in text]
    return Told(tuple(sorted(problems)), tuple(sorted(echoes)))


def _collect(value: Any, problems: list[str], echoes: list[str]) -> None:
    if isinstance(value, dict):
        errors = value.get("errors")
        if isinstance(errors, list):
            problems += (f"{one.get('__typename')} {one.get('path')}" for one in errors)
        for key, child in value.items():
            if key != "errors":
                _collect(child, problems, echoes)
    elif isinstance(value, list):
        for child in value:
            _collect(child, problems, echoes)
    elif isinstance(value, str):
        echoes.append(value)


def every_text() -> set[str]:
    """The String arguments of all fields and the String fields of inputs, without cursors."""
    arguments = {
        f"{kind.name}.{field_name}({argument}:)"
        for kind in SHAPE.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for field_name, declared in kind.fields.items()
        for argument in declared.args
    }
    names = every_input() | arguments
    return {name for name in names if _is_text(name) and not name.endswith("(after:)")}


def _is_text(name: str) -> bool:
    owner, _, member = name.removesuffix(":)").partition(".")
    shape: Any = SHAPE.type_map[owner]
    field_name, _, argument = member.partition("(")
    declared = shape.fields[field_name]
    return get_named_type((declared.args[argument] if argument else declared).type) is GraphQLString


def test_every_text_has_a_declared_use() -> None:
    """A new input needs a line: who reads it, or why nobody of ours does."""
    assert USES.keys().isdisjoint(BY_PROGRAMS)
    assert every_text() == USES.keys() | BY_PROGRAMS.keys()


async def test_every_text_is_read_and_answered_by_its_use(
    container: Container, city: City, sms: InMemorySms
) -> None:
    async with open_sandbox() as desk:
        plain = await create_player(replace(container, unpaid_limits=NO_LIMITS), desk, city)
        play = TextPlayer(plain.container, plain.desk, plain.city, plain.clients)
        await play_every_operation(play, sms)
    assert every_text() - play.tried == set()
    assert not play.wrong, "\n".join(play.wrong)
    wrong = {name: uses for name, uses in play.uses.items() if USES.get(name) != uses}
    assert not wrong
    assert USES.keys() == play.uses.keys()
