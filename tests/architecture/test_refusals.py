"""What a machine offers is not refused by a rule that it could have known.

`availableActions` comes from the table of a state machine. A refusal beside the table is either
known to the resolver, which leaves the action out, or has a cause that nobody knows before asking.
"""

import ast

from tests.support.architecture.source_trees import syntax_tree
from tests.support.paths import ROOT

REFUSES = {"illegal_step", "InvalidTransition"}
# The function that refuses: the resolver that knows it, or why nobody can know it before.
REFUSALS = {
    "services/accounts/invitation_answers.py:_open_invitation": "resolvers/accounts/invitations.py",
    "services/accounts/invitation_answers.py:accept": "a race: the inviter has just lost the role",
    "services/delivery/riders.py:go_online": "resolvers/delivery/riders.py",
    "services/delivery/riders.py:go_offline": "the table has the condition; here is its message",
    "services/fulfillment/handover.py:pick_up": "resolvers/delivery/deliveries.py",
    "services/orders/payment_cover.py:require_secured": "resolvers/fulfillment/fulfillments.py",
    "services/orders/order_states.py:begin": "the table itself, of the order",
    "services/support/tickets.py:_require_may_open": "the table itself, of the order",
    "services/delivery/dispatch.py:accept_offer": "a race: the shift or a ride ends an offer",
    "services/delivery/dispatch.py:_begin_answer": "resolvers/delivery/deliveries.py",
    "services/delivery/deliveries.py:create_delivery": "a race of two systems: one open ride",
    "services/delivery/deliveries.py:cancel_for_order": "an action of the order, which has a table",
    "services/delivery/delivery_states.py:_require_other_person": "the table; here is its message",
    "services/delivery/reassignment.py:_free_rider": "an argument: which rider takes over",
    "services/fulfillment/picking.py:_check_no_substitute": "an argument: which line is picked",
    "services/fulfillment/substitutions.py:propose": "an argument: which line gets a substitute",
    "services/fulfillment/substitutions.py:answer": "a race: another step has decided its line",
    "services/integrations/webhook_deliveries.py:retry": "no actions are offered: its status tells",
    "services/operations/job_status.py:retry": "no actions are offered: listed when dead",
    "services/orders/order_states.py:_change_status": "a race: another process ended the order",
    "services/payments/payments.py:_not_authorized": "no action of a person: the money is not held",
    "workflows/delivery/position_ingest.py:_online_rider": "the table itself: REPORT_LOCATION",
}


def refusing_functions() -> set[str]:
    """Each function outside of services/core that refuses a step, as `path:name`."""
    found = set()
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("workflows/**/*.py")]:
        if "core" in path.parts:
            continue
        for each in ast.walk(syntax_tree(path)):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and _refuses(each):
                found.add(f"{path.relative_to(ROOT)}:{each.name}")
    return found


def _refuses(function: ast.AST) -> bool:
    calls = (each.func for each in ast.walk(function) if isinstance(each, ast.Call))
    return any(getattr(call, "attr", getattr(call, "id", "")) in REFUSES for call in calls)


def test_every_refusal_beside_a_machine_is_known_or_cannot_be() -> None:
    """PICK_UP and COLLECT were offered while the payment was open, and then refused."""
    assert refusing_functions() == REFUSALS.keys()


def test_a_resolver_that_knows_a_refusal_leaves_the_action_out() -> None:
    paths = [ROOT / reason for reason in REFUSALS.values() if reason.endswith(".py")]
    assert paths
    assert all("blocked" in path.read_text() for path in paths)
