"""The rows of Salesforce's tables, and of Gong's opportunities and users."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from random import Random

from coaching_assets.demo.sample.ids import gong_id, salesforce_id
from coaching_assets.demo.sample.oddities import Planter
from coaching_assets.demo.sample.people import PROBABILITY, Account, Deal, Person, World
from coaching_assets.demo.sample.schema import TableKey
from coaching_assets.demo.sample.values import Row

Rows = dict[TableKey, list[Row]]

MISSING = 900_000_000
"""Objects numbered from here on have no row in any table."""


def salesforce_flags(modified: datetime, synced: datetime) -> Row:
    """The last columns of all Salesforce tables."""
    return {
        "is_deleted": False,
        "system_modstamp": modified,
        "_fivetran_synced": synced,
        "_fivetran_deleted": False,
    }


def batch(time: datetime) -> datetime:
    """The time at which Fivetran processed a change: once an hour, all changes together."""
    return time.replace(minute=0, second=0, microsecond=0) + timedelta(
        hours=1, minutes=7, seconds=13, microseconds=482917
    )


def delete(row: Row) -> None:
    """Mark a row as deleted, in the columns that its table has."""
    for column in ("_fivetran_deleted", "is_deleted"):
        if column in row:
            row[column] = True


def gong_user(person: Person, synced: datetime) -> Row:
    """A row of Gong's `users`."""
    return {
        "id": person.gong_user_id,
        "email_address": person.email,
        "first_name": person.first,
        "last_name": person.last,
        "title": person.title,
        "active": True,
        "manager_id": gong_id("user", 0) if person.number else None,
        "_fivetran_synced": synced,
        "_fivetran_deleted": False,
    }


def account_row(account: Account, synced: datetime) -> Row:
    """A row of Salesforce's `account`."""
    return {
        "id": account.id,
        "name": account.name,
        "industry": account.industry,
        "website": f"https://www.{account.domain}",
        "is_deleted": False,
        "system_modstamp": synced,
        "_fivetran_synced": synced,
    }


def opportunity_row(deal: Deal, synced: datetime) -> Row:
    """A row of Salesforce's `opportunity`."""
    stage, at = deal.stages[-1]
    return {
        "id": deal.id,
        "name": deal.name,
        "stage_name": stage,
        "close_date": deal.close,
        "amount": deal.amount,
        "account_id": deal.account.id,
        "owner_id": salesforce_id("005", deal.owner.number or 0),
        "probability": float(PROBABILITY[stage]),
        "type": deal.type,
        "is_closed": stage.startswith("Closed"),
        "is_won": stage == "Closed Won",
        "created_date": deal.stages[0][1],
        "last_modified_date": at,
        **salesforce_flags(at, synced),
    }


def stage_rows(deal: Deal, number: int) -> tuple[list[Row], list[Row]]:
    """A deal's rows of `opportunity_history` and `opportunity_field_history`, with ids from `number` on."""
    history, fields = [], []
    amount, previous = deal.first_amount, None
    for place, (stage, at) in enumerate(deal.stages):
        history.append(history_row(number + 2 * place, deal.id, stage, amount, deal.close, at, batch(at)))
        fields.append(field_row(number + 2 * place, deal.id, "StageName", previous, stage, at, batch(at)))
        previous = stage
        if place == 0 and deal.amount != deal.first_amount:
            later, amount = at + timedelta(minutes=50), deal.amount
            history.append(history_row(number + 1, deal.id, stage, amount, deal.close, later, batch(later)))
            change = (str(deal.first_amount), str(amount))
            fields.append(field_row(number + 1, deal.id, "Amount", *change, later, batch(later)))
    return history, fields


def history_row(
    number: int, deal_id: str, stage: str, amount: float | None, close: object, at: datetime, synced: datetime
) -> Row:
    """A row of Salesforce's `opportunity_history`: the deal's state from `at` on."""
    return {
        "id": salesforce_id("008", number),
        "opportunity_id": deal_id,
        "stage_name": stage,
        "amount": amount,
        "close_date": close,
        "created_date": at,
        **salesforce_flags(at, synced),
    }


def field_row(number: int, deal_id: str, field: str, old: str | None, new: str, at: datetime, synced: datetime) -> Row:
    """A row of Salesforce's `opportunity_field_history`: one changed field."""
    return {
        "id": salesforce_id("017", number),
        "opportunity_id": deal_id,
        "field": field,
        "old_value": old,
        "new_value": new,
        "created_date": at,
        **salesforce_flags(at, synced),
    }


def crm_rows(world: World) -> Rows:
    """All rows of people, customers and deals, with odd rows among them."""
    early = batch(world.start)
    rows: Rows = {
        ("gong", "users"): [gong_user(user, early) for user in world.users],
        ("salesforce", "user"): [_salesforce_user(user, early) for user in world.users],
        ("salesforce", "account"): [account_row(account, early) for account in world.accounts],
        ("salesforce", "opportunity"): [opportunity_row(deal, batch(deal.stages[-1][1])) for deal in world.deals],
        ("salesforce", "opportunity_history"): [],
        ("salesforce", "opportunity_field_history"): [],
    }
    for deal in world.deals:
        history, fields = stage_rows(deal, 20 * deal.number)
        rows["salesforce", "opportunity_history"] += history
        rows["salesforce", "opportunity_field_history"] += fields
    random = Random(f"{world.seed} crm oddities")
    rows["gong", "opportunity"] = _gong_deals(world, random)
    _plant_in_deals(rows["salesforce", "opportunity"], world.scale, random)
    _plant_in_people(rows, world.scale, random)
    return rows


def _salesforce_user(person: Person, synced: datetime) -> Row:
    return {
        "id": salesforce_id("005", person.number or 0),
        "email": person.email,
        "name": person.name,
        "title": person.title,
        "is_active": True,
        **salesforce_flags(synced, synced),
    }


def _gong_deals(world: World, random: Random) -> list[Row]:
    """Gong has two in three of Salesforce's deals, and a few that Salesforce does not have."""
    rows = [_gong_deal(deal, deal.id, random) for deal in world.deals if deal.number % 3 != 1]
    planter = Planter(range(len(rows)), world.scale, random)
    for number in planter.take("gong opportunity deleted"):
        rows[number]["_fivetran_deleted"] = True
    for number, deal in zip(planter.take("gong opportunity only"), world.deals, strict=False):
        rows.append(_gong_deal(deal, salesforce_id("006", MISSING + number), random))
    return rows


def _gong_deal(deal: Deal, deal_id: str, random: Random) -> Row:
    return {
        "id": deal_id,
        "name": deal.name,
        "account_name": deal.account.name,
        "owner_email": deal.owner.email,
        "stage": deal.stages[-1][0],
        "close_date": deal.close,
        "amount": deal.amount,
        "health_score": round(random.uniform(5, 98), 1) if random.random() < 0.9 else None,
        "_fivetran_synced": batch(deal.stages[-1][1] + timedelta(hours=1)),
        "_fivetran_deleted": False,
    }


def _plant_in_deals(rows: Sequence[Row], scale: float, random: Random) -> None:
    planter = Planter(rows, scale, random)
    missing = iter(range(MISSING + 1000, MISSING + 100_000))
    for row in planter.take("opportunity deleted"):
        delete(row)
    for number, row in enumerate(planter.take("opportunity with an amount that is not a number")):
        row["amount"] = ("n/a", "tbd", "NaN")[number % 3]
    for number, row in enumerate(planter.take("opportunity with an amount out of range")):
        row["amount"] = (1e15, -2.5e14, 123456789012345678.0)[number % 3]
    for row in planter.take("opportunity without amount"):
        row["amount"] = None
    for row in planter.take("opportunity without account"):
        row["account_id"] = None
    for row in planter.take("opportunity of a missing account"):
        row["account_id"] = salesforce_id("001", next(missing))
    for row in planter.take("opportunity without owner"):
        row["owner_id"] = None
    for row in planter.take("opportunity of a missing owner"):
        row["owner_id"] = salesforce_id("005", next(missing))
    for row in planter.take("opportunity without name"):
        row["name"] = None


def _plant_in_people(rows: Rows, scale: float, random: Random) -> None:
    _delete_some(rows["salesforce", "account"], "account deleted", scale, random)
    _delete_some(rows["salesforce", "user"], "salesforce user deleted", scale, random)
    _delete_some(rows["salesforce", "opportunity_history"], "history deleted", scale, random)
    _delete_some(rows["salesforce", "opportunity_field_history"], "field history deleted", scale, random)
    planter = Planter(rows["gong", "users"], scale, random)
    for row in planter.take("user deleted"):
        delete(row)
    for row in planter.take("user inactive"):
        row["active"] = False
        for same in rows["salesforce", "user"]:
            if same["email"] == row["email_address"]:
                same["is_active"] = False


def _delete_some(rows: Iterable[Row], sort: str, scale: float, random: Random) -> None:
    for row in Planter(rows, scale, random).take(sort):
        delete(row)
