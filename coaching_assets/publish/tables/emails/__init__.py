"""The published table `emails`."""

from coaching_assets.publish.checks import KEYS_UNIQUE
from coaching_assets.publish.published_table import Column, Parent, PublishedTable, Root

TABLE = PublishedTable(
    package=__name__,
    description="One row per e-mail: sender, recipients, time, deal.",
    aggregate="emails",
    root=Root(noun="e-mail", plural="e-mails"),
    sources={"gong_email": "id", "gong_email_sender": "email_id", "gong_email_recipient": "email_id"},
    natural_key=("gong_email_id",),
    waits_for=Parent("opportunity_id", "opportunities", optional=True),
    columns=(
        Column("gong_email_id", "varchar", "Gong's id of the e-mail."),
        Column("opportunity_id", "uuid", "The opportunity that the e-mail is about."),
        Column("subject", "varchar", "Subject."),
        Column("sender_email", "varchar", "The sender's address."),
        Column("recipients", "varchar[]", "The recipients' addresses, sorted."),
        Column("sent_at", "timestamptz", "Time of sending."),
        Column("body_snippet", "text", "The first 500 characters of the body."),
        Column("metadata", "jsonb", "Full body, further headers and warnings. Other keys stay."),
    ),
    metadata_keys=("full_body", "headers", "validation_warnings"),
    checks=(KEYS_UNIQUE,),
)
