"""The published table `opportunities`: Salesforce's deals, or Gong's if there is no Salesforce."""

from coaching_assets.publish.checks import KEYS_UNIQUE
from coaching_assets.publish.published_table import Coalesce, Column, PublishedTable, Root, Via

TABLE = PublishedTable(
    package=__name__,
    description="One row per deal: stage, amount, close date, account, owner, stage history.",
    aggregate="opportunities",
    root=Root(noun="opportunity", plural="opportunities", origins=("salesforce_opportunity", "gong_opportunity")),
    sources={
        "salesforce_opportunity": "id",
        "salesforce_account": Via("salesforce_opportunity", "account_id", "id"),
        "salesforce_user": Via("salesforce_opportunity", "owner_id", "id"),
        "salesforce_opportunity_history": Coalesce("opportunity_id", "id"),
        "salesforce_opportunity_field_history": "opportunity_id",
        "gong_opportunity": "id",
    },
    natural_key=("gong_opportunity_id",),
    columns=(
        Column("gong_opportunity_id", "varchar", "The CRM's id of the opportunity."),
        Column("name", "varchar", "Name."),
        Column("account_name", "varchar", "The account's name."),
        Column("owner_email", "varchar", "The owner's e-mail address."),
        Column("stage", "varchar", "Current stage."),
        Column("close_date", "date", "Expected or actual close date."),
        Column("amount", "decimal(15,2)", "Value of the deal."),
        Column("health_score", "decimal(5,2)", "Gong's score, 0 to 100."),
        Column("metadata", "jsonb", "Source, account, stage history and warnings. Other keys stay."),
        Column("updated_at", "timestamptz", "Time of the last change to another column.", written="touched"),
    ),
    metadata_keys=(
        *("source", "account", "owner_id", "probability", "type", "is_closed", "is_won", "stage_history"),
        *("source_deleted_at", "validation_warnings"),
    ),
    checks=(KEYS_UNIQUE,),
)
