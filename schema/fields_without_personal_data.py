"""Fields of the graph that carry no personal data: every text is here or in `personal_data`.

A test compares both with the schema, so that a new text can't be added without a decision.
"""

from schema.personal_data import SIGN_IN_PAYLOADS

PERSONAL_WORDS = frozenset(
    {"addresses", "address", "body", "code", "customer", "details", "device", "drop", "email",
     "gate", "instructions", "ip", "latitude", "location", "longitude", "name", "note",
     "phone", "pin", "point", "polyline",
     "position", "recipient", "resolution", "secret", "subject", "text", "token", "track"}
)  # fmt: skip
"""Words in the names of fields that carry personal data, free texts of people, or secrets."""
NOT_PERSONAL = frozenset(
    {
        "App.name", "Brand.name", "Category.name", "Company.name", "Product.name", "Store.name",
        "WebhookEndpoint.name", "PosSaleLine.name", "FulfillmentLine.name", "OrderLine.name",
        "PutBackLine.name", "Substitution.name", "HoldVerb.name", "Job.name", "Queue.name",
        "StockImport.fileName", "StockImportFile.name",
        # a place in a list
        "PosSaleLine.position", "FulfillmentLine.position", "OrderLine.position",
        "PutBackLine.position",
        # a place that the caller asked about, a level of stock, a profile without own values
        "GeoPoint.latitude", "GeoPoint.longitude", "Storefront.location", "ZonePlace.point",
        "ZonePlace.latitude", "ZonePlace.longitude", "StockReorderPointSetPayload.reorderPoint",
        "Viewer.customer",
        # numbers of orders: they open nothing, and are shown with the order's row
        "Order.code", "Fulfillment.orderCode", "Delivery.orderCode", "RecalledOrder.code",
        # codes of goods, stores, suppliers and answers of servers; a secret's row without its text
        "Store.code", "Product.sku", "BatchQuantity.code", "StockBatch.code",
        "BatchRecall.batchCode",
        "WebhookAttempt.statusCode", "PurchaseOrder.code", "Supplier.code", "CodeTaken.code",
        "GoodsReceiptLine.batchCode", "ScannedProduct.batchCode", "TransferLot.batchCode",
        "BatchNotSellable.batchCode", "UnknownProductCode.code", "SupplierCodeTaken.code",
        "AppSecretCreatePayload.appSecret", "AppSecretRotatePayload.appSecret",
        "AppSecretRevokePayload.appSecret", "Product.promotionLabel",
        *(f"{payload}.accessTokenExpiresAt" for payload in SIGN_IN_PAYLOADS),
        "WebhookEndpoint.previousSecretExpiresAt",
        "StockImportError.code", "DeliveryTrack.pointCount", "Store.location",
        # texts of the catalog and of the company, which everybody who sees the row may see
        "Product.aisle", "FulfillmentLine.aisle", "Product.barcode", "ScannedProduct.barcodes",
        "ProductBarcodesSetPayload.barcodes", "Company.slug", "Category.slug", "Brand.slug",
        "PurchaseOrderLine.supplierSku", "SupplierProduct.supplierSku", "Company.scaleLabelFormats",
        "Store.timezone", "Storefront.message",
        # words of a fixed list
        "Company.currency", "Money.currency", "Supplier.currency",
        "BelowMinimumOrder.currency", "TotalChanged.currency", "User.language", "Viewer.language",
        "InvalidTransition.allowedActions", "InvalidTransition.currentStatus",
        "Dispute.reason", "Payment.provider", "JobFailure.job", "WebhookEventType.type",
        "WebhookEvent.type", "StockAlertChanged.type", "DeliveryOffered.type",
        "TicketChanged.type", "SupportQueueChanged.type", "WebhookDelivery.eventType",
        "WebhookEndpoint.eventTypes", "InvalidSelection.reasons", "ProductMismatch.expected",
        # made by the product: a sum, a nonce, a hint at a secret, a position in a list, an address
        # of a paper that is asked for with the caller's own token
        "Money.formatted", "OtpRequestPayload.challenge", "AppSecret.maskedValue",
        "PageInfo.endCursor", "PageInfo.startCursor",
        "StockImport.errorFileUrl", "Store.manifestUrl",
        "Fulfillment.packingSlipUrl", "PosSale.receiptUrl", "Dispute.providerDisputeId",
        # how a file is sent, and what its bytes are
        "File.contentType", "File.sha256", "FileUpload.method", "RequestHeader.name",
        "RequestHeader.value", "UnsupportedFileType.allowedContentTypes",
        # what the admins of a company set up for their own server
        "WebhookEndpoint.url", "WebhookEndpoint.payloadSelection",
    }
)  # fmt: skip
"""Fields with such a name or a text that carry none."""
NOT_PERSONAL_ANYWHERE = frozenset({"cursor", "path", "schemaVersion"})
"""Names of texts that carry none in any type."""
