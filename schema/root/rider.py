"""Root fields of riders."""

import strawberry

from resolvers import rider as resolve
from resolvers.rules import RIDER, STORE_OR_SUPPORT
from schema.backing import field, mutation
from schema.page import Connection
from schema.rider import (
    Rider,
    RiderGoOfflinePayload,
    RiderGoOnlinePayload,
    RiderLocationReportBatchPayload,
    RiderLocationReportPayload,
)


@strawberry.type
class Query:
    riders: Connection[Rider] | None = field(
        resolve.of_company, "The riders of your company.", allow=STORE_OR_SUPPORT
    )


@strawberry.type
class Mutation:
    rider_go_online: RiderGoOnlinePayload = mutation(
        resolve.go_online, "Begin your shift: from your first report on you are asked.", allow=RIDER
    )
    rider_go_offline: RiderGoOfflinePayload = mutation(
        resolve.go_offline, "End your shift; not while you are on a ride.", allow=RIDER
    )
    rider_location_report: RiderLocationReportPayload = mutation(
        resolve.report_location,
        "Say where you are; it may take your ride a step further. The latest report wins, so an "
        "idempotency key changes nothing here and is not kept.",
        allow=RIDER,
    )
    rider_location_report_batch: RiderLocationReportBatchPayload = mutation(
        resolve.report_locations,
        "Say where you were while you were offline: the newest point is where you are, all that "
        "are believed belong to the track of your ride. Points that are known already are ignored, "
        "so an idempotency key changes nothing here and is not kept.",
        allow=RIDER,
    )
