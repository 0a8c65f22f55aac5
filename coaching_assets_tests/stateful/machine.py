"""The steps that a sequence is made of, and what must hold after its syncs."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from coaching_assets.demo.sample import TABLES, TableKey
from coaching_assets_tests.stateful import application, arrivals
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.values import ADDRESSES, COLUMNS, NUMBERS, VARIES
from coaching_assets_tests.stateful.world import DATASETS, World, all_assets

PLACES = st.integers(0, 199)
LATE = st.sampled_from((0.0, 0.0, 0.3, 1.0))
"""How much of the overlap window a row is late by."""

CELLS = st.sampled_from([(key, column) for key, columns in COLUMNS.items() for column in columns])
INDEXES = ("0", "3", "400", "007", "7.0", "-1", "1.5", "99999999999", "last", "", None)
ARRIVALS = {
    "call": arrivals.new_call,
    "workspace": arrivals.call_in_another_workspace,
    "deal": arrivals.new_deal,
}


class Sequence(RuleBasedStateMachine):
    """Edits of the source, writes of the application, syncs of everything and of a part."""

    def __init__(self, world: World, environment: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.world = world
        self.source: Source = world.begin(environment)
        self.edited = False

    @rule(cell=CELLS, place=PLACES, choice=PLACES, late=LATE)
    def edit(self, cell: tuple[TableKey, str], place: int, choice: int, late: float) -> None:
        key, column = cell
        values = COLUMNS[key][column]
        value = values[choice % len(values)] if values else self.source.reference(key, column, choice)
        if column == "metadata" and isinstance(value, str) and "{}" in value:
            value = value.replace("{}", str(self.source.reference(("gong", "email"), "opportunity_id", place)))
        self._edit(key, place, late, **{column: value})

    @rule(key=st.sampled_from(TABLES), place=PLACES, late=LATE, deleted=st.booleans())
    def delete_or_undelete(self, key: TableKey, place: int, late: float, deleted: bool) -> None:
        flags = {"_fivetran_deleted", "is_deleted"} & set(self.source.sample[key].rows.column_names)
        self._edit(key, place, late, **(dict.fromkeys(flags, deleted) if not deleted else {min(flags): True}))

    @rule(place=PLACES, late=LATE)
    def delete_a_call(self, place: int, late: float) -> None:
        self._edit(arrivals.CALL, place, late, _fivetran_deleted=True)

    @rule(sort=st.sampled_from(sorted(ARRIVALS)), place=PLACES, mask=st.integers(0, 255), late=LATE)
    def arrive(self, sort: str, place: int, mask: int, late: float) -> None:
        self._deliver(ARRIVALS[sort](self.source, place), mask, late)

    @rule(place=PLACES, mask=st.integers(0, 255), late=LATE, address=st.sampled_from(ADDRESSES), new=st.booleans())
    def write_an_email(self, place: int, mask: int, late: float, address: Any, new: bool) -> None:
        make = arrivals.new_email if new else arrivals.new_recipient
        self._deliver(make(self.source, place, address), mask, late)

    @rule(place=PLACES, index=st.sampled_from(INDEXES), late=LATE)
    def say_one_more_thing(self, place: int, index: Any, late: float) -> None:
        self._deliver(arrivals.new_monologue(self.source, place, index), 0, late)

    @rule(late=LATE)
    def deliver_what_was_withheld(self, late: float) -> None:
        withheld, self.source.withheld = self.source.withheld, []
        self._deliver(withheld, 0, late)

    @rule(keys=st.sets(st.sampled_from(TABLES), min_size=1, max_size=15))
    def reimport(self, keys: set[TableKey]) -> None:
        for key in sorted(keys):
            self.source.reimport(key)
        self.edited = True

    @rule(column=st.sampled_from(sorted(VARIES)), choice=PLACES)
    def change_a_type(self, column: tuple[TableKey, str], choice: int) -> None:
        types = VARIES[column]
        self.source.retype(*column, types[choice % len(types)])
        self.edited = True

    @rule(name=st.sampled_from(("importance", "labels", "opened_at")), number=st.sampled_from(NUMBERS))
    def add_a_header(self, name: str, number: Any) -> None:
        self.source.add_column(("gong", "email"), name, "STRING", number)
        self.edited = True

    @rule(key=st.sampled_from(TABLES))
    def disappear_or_reappear(self, key: TableKey) -> None:
        self.source.hidden ^= {key}
        self.edited = True

    @rule(what=st.sampled_from(sorted(application.WRITES)), place=PLACES)
    def application_writes(self, what: str, place: int) -> None:
        with self.world.connect() as connection:
            application.write_something(connection, what, place)

    @rule(assets=st.sets(st.sampled_from(all_assets()), min_size=1, max_size=4))
    def sync_some(self, assets: set[str]) -> None:
        self.world.load(self.source)
        before = self._owned()
        assert self.world.sync_some(assets)
        loaded = [key for key in TABLES if f"{DATASETS[key[0]]}/{key[1]}" in assets]
        self.source.note_seen(loaded)
        assert application.lost(before, self._owned()) == []

    @rule()
    def sync(self) -> None:
        self.sync_everything()

    @rule()
    def sync_again(self) -> None:
        self.sync_everything()

    def sync_everything(self) -> None:
        self.world.load(self.source)
        before = self._owned()
        failures = self.world.sync()
        assert failures == [], "\n".join(failures)
        self.source.note_seen()
        self.edited = False
        found = self.world.differences(self.source)
        assert found == [], "\n".join(found)
        lost = application.lost(before, self._owned())
        assert lost == [], "\n".join(lost)

    def teardown(self) -> None:
        try:
            if self.edited:
                self.sync_everything()
        finally:
            self.world.end()

    def _edit(self, key: TableKey, place: int, late: float, **values: Any) -> None:
        self.source.edit(key, place, late, **values)
        self.edited = True

    def _deliver(self, rows: arrivals.Rows, mask: int, late: float) -> None:
        """Deliver the rows whose place is not in the mask, the last first; withhold the others."""
        for place, (key, row) in reversed(list(enumerate(rows))):
            if mask >> place & 1:
                self.source.withheld.append((key, row))
            else:
                self.source.append(key, row, late)
        self.edited = True

    def _owned(self) -> dict[str, dict[str, Any]]:
        with self.world.connect() as connection:
            return application.owned(connection)
