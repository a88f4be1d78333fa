"""How each String of the graph is used, and which value type is seen to read a text."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import pytest

from models import search_words
from services.core import text
from services.core.contacts import email_addresses, phone_numbers
from services.identity import passwords


class Use(StrEnum):
    """A rule for text, named after the functions that read it."""

    NAME = "parse_line"
    NOTE = "parse_multiline"
    CODE = "parse_code"
    DIGITS = "parse_digits"
    KEY = "parse_key"
    PASSWORD = "normalize_password"
    SEARCH = "fold"
    PHONE = "read_phone"
    EMAIL = "read_email"


READERS: tuple[tuple[Any, str], ...] = (
    (text, "_normalized"),
    (text, "visible"),
    (text, "code_form"),
    (passwords, "normalize_password"),
    (search_words, "fold"),
    (email_addresses, "read_email"),
    (phone_numbers, "read_phone"),
)
"""What reads a text as it was sent: each rule of the value types begins with one of them."""
SAME = {"code_form": Use.CODE, "visible": Use.CODE}

_BY_USE: Mapping[tuple[Use, ...], str] = {
    (Use.CODE,): """
        BatchRecallCreateInput.batchCode CompanyCreateInput.currency CompanyCreateInput.slug
        CompanyScaleLabelsSetInput.formats PosSaleCreateInput.terminalReference
        ProductReferenceInput.scannedCode FulfillmentLinePickInput.batchCode
        FulfillmentLinePickInput.scannedCode
        SubstitutionProposeInput.scannedCode GoodsReceiptLineInput.batchCode
        ProductBarcodesSetInput.barcodes
        Query.scannedProduct(code:)
        StockAdjustInput.batchCode StockCountStartInput.aisle
        StoreCreateInput.code StoreCreateInput.timezone StoreUpdateInput.timezone
        SupplierProductInput.supplierSku SupplierCreateInput.code SupplierUpdateInput.code
        TransferDiscrepancyInput.batchCode
    """,
    (Use.DIGITS,): """
        DeliveryCompleteInput.deliveryPin DeliveryPickUpInput.handoverCode
        DeliveryReturnInput.returnCode
        FulfillmentCollectInput.pickupCode OtpSignInInput.code PhoneChangeInput.code
    """,
    (Use.EMAIL,): """
        EmailChangeRequestInput.email EmailSignUpRequestInput.email InvitationContactInput.email
        PasswordResetRequestInput.email PasswordSignInInput.email SupplierCreateInput.email
        SupplierUpdateInput.email
    """,
    (Use.KEY,): """
        EmailChangeConfirmInput.token EmailSignUpCompleteInput.token InvitationAcceptInput.token
        InvitationDeclineInput.token OtpSignInInput.challenge PasswordResetInput.token
        PhoneChangeInput.challenge Query.invitationByLink(token:) SessionRefreshInput.refreshToken
    """,
    (Use.NAME,): """
        AddressSaveInput.deliveryInstructions AddressSaveInput.gateCode AddressSaveInput.label
        AddressSaveInput.addressLine AppCreateInput.name AppUpdateInput.name
        FileUploadStartInput.fileName
        BatchRecallCreateInput.reason
        StockWriteOffInput.note CompanyCreateInput.name PosSaleVoidInput.note
        DeliveryFailInput.note DeliveryOverrideInput.note EmailSignUpCompleteInput.name
        InvitationAcceptInput.name OrderCancelInput.note OrderChangeInput.addressLine
        OrderChangeInput.deliveryInstructions OrderPlaceInput.addressLine
        OrderPlaceInput.deliveryInstructions
        OrderReopenInput.note
        ViewerUpdateInput.name PurchaseOrderCancelInput.note PurchaseOrderCloseInput.note
        PurchaseOrderCreateFromProposalsInput.note PurchaseOrderCreateInput.note
        PurchaseOrderReceiveInput.note RefundIssueInput.note RefundMarkPaidInput.resolution
        RefundCloseInput.resolution
        StockAdjustInput.note StockCountRejectInput.note StockCountStartInput.note
        StockBulkSetInput.note StoreCreateInput.name StoreUpdateInput.name SupplierCreateInput.name
        SupplierUpdateInput.name
        TicketOpenInput.subject TransferCancelInput.note TransferRejectInput.note
        TransferRequestInput.note
        WebhookEndpointCreateInput.name WebhookEndpointUpdateInput.name
    """,
    (Use.NOTE,): """
        TicketOpenInput.body TicketReplyInput.body TicketResolveInput.resolution
    """,
    (Use.PASSWORD,): """
        EmailSignUpCompleteInput.password InvitationAcceptInput.password
        PasswordChangeInput.currentPassword PasswordChangeInput.newPassword
        PasswordResetInput.password PasswordSignInInput.password
    """,
    (Use.PHONE,): """
        InvitationContactInput.phone OtpRequestInput.phone OtpSignInInput.phone
        PhoneChangeInput.phone SupplierCreateInput.phone SupplierUpdateInput.phone
    """,
    (Use.SEARCH,): """
        Storefront.search(query:)
    """,
    (
        Use.CODE,
        Use.NAME,
        Use.SEARCH,
    ): """
        Query.companyStock(search:) Query.storeStock(search:) Query.supplierProducts(search:)
        Query.suppliers(search:)
    """,
}
USES: Mapping[str, set[Use]] = {
    name: set(uses) for uses, names in _BY_USE.items() for name in names.split()
}
"""The uses of each input: what reads it."""
BY_PROGRAMS: Mapping[str, str] = {
    "FileUploadStartInput.contentType": "a media type, compared with those of the purpose",
    "ViewerUpdateInput.language": "a tag of the app's list, compared with it",
    "Money.formatted(locale:)": "a tag of a language, read by babel",
    "Storefront.category(slug:)": "a name in addresses of pages, compared as it is stored",
    "Query.jobFailures(job:)": "a name of the schedule, compared as it is stored",
    "WebhookEndpointCreateInput.eventTypes": "names of the table of topics",
    "WebhookEndpointUpdateInput.eventTypes": "names of the table of topics",
    "WebhookEndpointCreateInput.payloadSelection": "a GraphQL document, read by the parser of"
    " GraphQL",
    "WebhookEndpointUpdateInput.payloadSelection": "a GraphQL document, read by the parser of"
    " GraphQL",
    "WebhookEndpointCreateInput.url": "an address, read by the rules of addresses",
    "WebhookEndpointUpdateInput.url": "an address, read by the rules of addresses",
}
"""What programs write, with its reader."""


@contextmanager
def noted_uses(sent: str) -> Iterator[set[Use]]:
    """The uses whose value types read a text within the block."""
    uses: set[Use] = set()
    with pytest.MonkeyPatch.context() as patch:
        for module, name in READERS:
            patch.setattr(module, name, _noting(getattr(module, name), name, sent, uses))
        yield uses


def _noting(read: Any, name: str, expected: str, uses: set[Use]) -> Any:
    def noting(given: str, *arguments: Any, **options: Any) -> Any:
        if given == expected:
            rule = _outermost(name)
            uses.add(SAME.get(rule) or Use(rule))
        return read(given, *arguments, **options)

    return noting


def _outermost(name: str) -> str:
    """The function of the text's module that was called from outside of it."""
    frame = sys._getframe(2)
    while frame.f_globals["__name__"] in (text.__name__, __name__) and frame.f_back is not None:
        if frame.f_globals["__name__"] == text.__name__:
            name = frame.f_code.co_name
        frame = frame.f_back
    return name
