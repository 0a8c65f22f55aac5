"""The published table `call_opportunities`, a part of the call: its links to opportunities."""

from coaching_assets.publish.published_table import Column, Parent, PublishedTable

TABLE = PublishedTable(
    package=__name__,
    description="One row per link between a call and an opportunity.",
    aggregate="calls",
    sources={"gong_call_context_integration": "call_id", "gong_call": "id"},
    source_condition="coaching_sync.lower_case(object_type) = 'opportunity'",
    needs=("call_id", "object_id"),
    key=("call_id", "opportunity_id"),
    parents=(Parent("call_id", "calls"),),
    waits_for=Parent("opportunity_id", "opportunities"),
    label="'opportunity ' || (select gong_opportunity_id from opportunities where id = {row}.opportunity_id)",
    columns=(
        Column("call_id", "uuid", "The call."),
        Column("opportunity_id", "uuid", "The opportunity that the call was about."),
    ),
)
