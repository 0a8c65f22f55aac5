"""What the columns of the source tables hold, a sentence each, for Dagster's UI."""

from collections.abc import Mapping

EVERYWHERE: Mapping[str, str] = {
    "_fivetran_synced": "When Fivetran processed the row; what a sync reads by.",
    "_fivetran_deleted": "Whether the row is deleted at the source.",
    "_fivetran_active": "History mode: whether this is the current version of the row.",
    "_fivetran_start": "History mode: from when this version holds.",
    "_fivetran_end": "History mode: until when this version holds.",
    "is_deleted": "Whether the record is deleted in the CRM.",
    "_dlt_load_id": "The load that wrote the row; publishing goes by it.",
}

OF_TABLE: Mapping[str, Mapping[str, str]] = {
    "gong_call": {
        "id": "Gong's id of the call.",
        "workspace_id": "The workspace; a call in several has a row in each.",
        "title": "The call's title.",
        "scheduled": "When it was to begin.",
        "started": "When it began.",
        "duration": "Its length in seconds.",
        "purpose": "What it was for.",
        "url": "Its page in Gong.",
        "direction": "Inbound, outbound or a conference.",
        "scope": "Internal or external.",
        "system": "The system that recorded it.",
        "systems": "The systems that know of it.",
        "meeting_url": "The address of the meeting.",
        "is_private": "Whether it is private in Gong.",
        "primary_user_id": "The Gong user who hosted it.",
        "languages": "The languages that were spoken.",
        "custom_data": "What the recording system added.",
        "brief": "Gong's summary.",
        "call_outcome_name": "How it ended.",
        "metadata": "Further data, perhaps with an opportunity_id.",
    },
    "gong_call_speaker": {
        "id": "The speaker, within the call.",
        "call_id": "The call.",
        "user_id": "The Gong user; empty for people outside the company.",
        "talk_time": "Seconds for which they talked.",
    },
    "gong_call_participant": {
        "id": "The participant.",
        "call_id": "The call.",
        "speaker_id": "The speaker that they are; empty where they never spoke.",
        "user_id": "The Gong user; empty for people outside the company.",
        "name": "Their name.",
        "email_address": "Their address.",
        "title": "Their job.",
        "affiliation": "Internal, External or Unknown.",
        "phone_number": "Their number.",
        "methods": "How they were invited and attended.",
    },
    "gong_transcript": {
        "call_id": "The call.",
        "index": "The monologue's place in the call.",
        "workspace_id": "The workspace.",
        "speaker_id": "Who spoke.",
        "topic": "What it was about, where Gong knows.",
        "sentence": "The sentences with their times in milliseconds, as JSON; a few connectors deliver plain text.",
    },
    "gong_users": {
        "id": "Gong's id of the user.",
        "email_address": "Their address.",
        "first_name": "Their first name.",
        "last_name": "Their last name.",
        "title": "Their job.",
        "active": "Whether they still use Gong.",
        "manager_id": "The user they report to.",
    },
    "gong_call_context_integration": {
        "call_id": "The call.",
        "object_id": "The CRM's id of the object.",
        "object_type": "What the object is: Opportunity, Account, …",
        "name": "The object's name.",
        "systems": "The CRM.",
    },
    "gong_opportunity": {
        "id": "The CRM's id of the deal.",
        "name": "Its name.",
        "account_name": "The account's name.",
        "owner_email": "The owner's address.",
        "stage": "The stage that it is in.",
        "close_date": "The expected or actual day of closing.",
        "amount": "What it is worth.",
        "health_score": "Gong's score, 0 to 100.",
    },
    "gong_email": {
        "id": "Gong's id of the e-mail.",
        "subject": "Its subject.",
        "sent_at": "When it was sent.",
        "body": "Its text.",
        "opportunity_id": "The CRM's id of the deal that it is about.",
    },
    "gong_email_sender": {"email_id": "The e-mail.", "email_address": "The sender's address."},
    "gong_email_recipient": {
        "email_id": "The e-mail.",
        "email_address": "A recipient's address.",
        "type": "to, cc or bcc.",
    },
    "salesforce_opportunity": {
        "id": "Salesforce's id of the deal.",
        "name": "Its name.",
        "stage_name": "The stage that it is in.",
        "close_date": "The expected or actual day of closing.",
        "amount": "What it is worth.",
        "account_id": "The account.",
        "owner_id": "The user who owns it.",
        "probability": "The chance of winning it, in percent.",
        "type": "New business, renewal, …",
        "is_closed": "Whether it is closed.",
        "is_won": "Whether it was won.",
        "system_modstamp": "When Salesforce last changed it.",
        "last_modified_date": "When somebody last changed it.",
    },
    "salesforce_account": {
        "id": "Salesforce's id of the account.",
        "name": "Its name.",
        "industry": "Its industry.",
        "website": "Its website.",
    },
    "salesforce_user": {
        "id": "Salesforce's id of the user.",
        "email": "Their address.",
        "name": "Their name.",
        "is_active": "Whether they still use Salesforce.",
    },
    "salesforce_opportunity_history": {
        "id": "Salesforce's id of the change, or in history mode of the deal.",
        "opportunity_id": "The deal; not there in history mode.",
        "stage_name": "The stage that it went to.",
        "amount": "What it was worth then.",
        "close_date": "The day of closing expected then.",
        "created_date": "When it changed.",
    },
    "salesforce_opportunity_field_history": {
        "id": "Salesforce's id of the change.",
        "opportunity_id": "The deal.",
        "field": "The field that changed.",
        "old_value": "What it was.",
        "new_value": "What it became.",
        "created_date": "When it changed.",
    },
}


def describe_column(view: str, column: str) -> str | None:
    """What a column holds; None where nobody has described it.

    Args:
        view: the name by which the published SQL reads the table, such as `gong_call`.
        column: the column's name.
    """
    return OF_TABLE.get(view, {}).get(column) or EVERYWHERE.get(column)
