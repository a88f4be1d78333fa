"""Every mutation that takes a code or the key of a link is flooded with wrong ones."""

import re
from typing import Any

from graphql import FieldNode, get_named_type, parse

from attack.classes.codes import CODES, LINKS, EntryPoint, wrong_code
from schema.root import graph
from tests.support.operations.player import Operation

SECRET = re.compile(r"(code|pin|token|secret|challenge)$", re.IGNORECASE)
NO_SECRETS = {
    "addressSave.gateCode": "the customer's own note",
    "batchRecallCreate.batchCode": "printed on the goods",
    "fulfillmentLinePick.batchCode": "printed on the goods",
    "fulfillmentLinePick.scannedCode": "the barcode of a product",
    "substitutionPropose.scannedCode": "the barcode of a product",
    "otpSignIn.challenge": "names the code, which has to be right, too",
    "phoneChange.challenge": "names the code, which has to be right, too",
    "stockAdjust.batchCode": "printed on the goods",
    "storeCreate.code": "the short name of a store",
    "supplierCreate.code": "the short name of a supplier",
    "supplierUpdate.code": "the short name of a supplier",
}


def name_of(entry_point: EntryPoint) -> str:
    """The mutation and the field of its input, as the graph names them."""
    operation, field = entry_point
    [definition] = parse(Operation(operation).document).definitions
    selections: Any = definition
    [root] = selections.selection_set.selections
    assert isinstance(root, FieldNode)
    return f"{root.name.value}.{field}"


def test_every_code_of_the_graph_is_attacked_or_is_no_secret() -> None:
    """Generated from the inputs: of all codes only those of sign-ins had been tried."""
    core: Any = graph._schema
    found = {
        f"{mutation}.{field}"
        for mutation, declared in core.mutation_type.fields.items()
        for argument in declared.args.values()
        for field in getattr(get_named_type(argument.type), "fields", {})
        if SECRET.search(field)
    }
    assert found == {name_of(entry_point) for entry_point in (*CODES, *LINKS)} | NO_SECRETS.keys()


def test_a_wrong_code_has_the_form_of_the_right_one() -> None:
    assert wrong_code("9999", 1) == "0000"
    assert wrong_code("042137", 60) == "042197"
    assert wrong_code("abcdefgh", 7) == "abcd0007"
