"""The transcripts: one row per monologue, generated column by column for speed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coaching_assets.demo.sample.calls import Call
from coaching_assets.demo.sample.crm import delete
from coaching_assets.demo.sample.ids import gong_id
from coaching_assets.demo.sample.model import SampleTable
from coaching_assets.demo.sample.oddities import Planter
from coaching_assets.demo.sample.people import World
from coaching_assets.demo.sample.schema import ARROW_TYPES, Connector, fields_of
from coaching_assets.demo.sample.values import Row
from coaching_assets.demo.sample.words import topics, words

CALLS_PER_CHUNK = 1500
MAXIMUM_SENTENCES = 6

Numbers = np.ndarray[Any, np.dtype[Any]]


def transcript_table(calls: Sequence[Call], seed: int, connector: Connector) -> SampleTable:
    """The transcripts of the calls in every workspace, without odd rows."""
    fields = fields_of(("gong", "transcript"), connector)
    schema = pa.schema([(field.name, ARROW_TYPES[field.type]) for field in fields])
    generator = np.random.default_rng(seed)
    tables = [schema.empty_table()]
    for first in range(0, len(calls), CALLS_PER_CHUNK):
        some = calls[first : first + CALLS_PER_CHUNK]
        table = _monologues(some, generator)
        tables += [_in_workspace(table, some, place).select(schema.names).cast(schema) for place in (0, 1)]
    return SampleTable(fields, pa.concat_tables(tables))


def _monologues(calls: Sequence[Call], generator: np.random.Generator) -> pa.Table:
    counts = np.array([call.monologues for call in calls])
    call = np.repeat(np.arange(len(calls)), counts)
    index = np.arange(len(call)) - (np.cumsum(counts) - counts)[call]
    start, end = _times(calls, counts, call, generator)
    duration = np.array([1000 * each.duration for each in calls])[call]
    topic = _topics(calls, call, start / duration, generator)
    names = pa.array([each.name for each in topics()])
    return pa.table(
        {
            "call": pa.array(call),
            "call_id": pa.array([each.id for each in calls]).take(pa.array(call)),
            "index": pa.array(index),
            "speaker_id": _speakers(calls, call, generator),
            "topic": names.take(pa.array(topic)),
            "sentence": _sentences(topic, start, end, generator),
            "_fivetran_synced": pa.array([each.synced for each in calls], ARROW_TYPES["TIMESTAMP"]).take(
                pa.array(call)
            ),
            "_fivetran_deleted": pa.repeat(False, len(call)),
        }
    )


def _in_workspace(table: pa.Table, calls: Sequence[Call], place: int) -> pa.Table:
    """The rows of the calls in their first (`place` 0) or second workspace, with `workspace_id`."""
    workspaces = pa.array(
        [call.workspaces[place] if place < len(call.workspaces) else None for call in calls], pa.string()
    )
    table = table.append_column("workspace_id", workspaces.take(table["call"].combine_chunks()))
    return table.filter(pc.is_valid(table["workspace_id"]))


def _times(
    calls: Sequence[Call], counts: Numbers, call: Numbers, generator: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Start and end of each monologue, in milliseconds from the start of the call."""
    weight = generator.gamma(2.0, 1.0, len(call)) + 0.2
    until = np.cumsum(weight)
    first = np.cumsum(counts) - counts
    begin = (until - weight)[first][call]
    total = np.add.reduceat(weight, first)[call]
    length = np.array([980.0 * each.duration for each in calls])[call]
    start = (until - weight - begin) / total * length + 900
    end = (until - begin) / total * length + 650
    return start.astype(np.int64), end.astype(np.int64)


def _topics(calls: Sequence[Call], call: Numbers, position: Numbers, generator: np.random.Generator) -> Numbers:
    """The topic of each monologue, by its position in the call (0 to 1), with some noise."""
    number = {topic.name: place for place, topic in enumerate(topics())}
    arcs = [[number[name] for name in kind["arc"]] for kind in words()["call_kinds"]]
    longest = max(map(len, arcs))
    table = np.array([arc + arc[-1:] * (longest - len(arc)) for arc in arcs])
    kind = np.array([each.kind for each in calls])[call]
    length = np.array([len(arc) for arc in arcs])[kind]
    step = np.floor(position * length + generator.normal(0, 0.25, len(call))).astype(np.int64)
    chosen: Numbers = table[kind, np.clip(step, 0, length - 1)]
    return chosen


def _speakers(calls: Sequence[Call], call: Numbers, generator: np.random.Generator) -> pa.Array:
    """Choose speakers in proportion to their talk times."""
    most = max(len(each.speakers) for each in calls)
    bounds = np.ones((len(calls), most))
    first = np.cumsum([0] + [len(each.speakers) for each in calls])
    for number, each in enumerate(calls):
        bounds[number, : len(each.talk)] = np.cumsum(each.talk) / sum(each.talk)
    place = (generator.random(len(call))[:, None] >= bounds[call]).sum(axis=1)
    place = np.minimum(place, np.array([len(each.speakers) - 1 for each in calls])[call])
    ids = pa.array([speaker for each in calls for speaker in each.speaker_ids])
    return ids.take(pa.array(first[call] + place))


def _sentences(topic: Numbers, start: Numbers, end: Numbers, generator: np.random.Generator) -> pa.Array:
    """Format the monologues as JSON lists of one to six sentences with their times."""
    pool = pa.array([json.dumps(text, ensure_ascii=False) for each in topics() for text in each.sentences])
    sizes = np.array([len(each.sentences) for each in topics()])
    offset = (np.cumsum(sizes) - sizes)[topic]
    count = np.clip((end - start) // 9000 + generator.integers(0, 2, len(topic)), 1, MAXIMUM_SENTENCES)
    pieces = []
    for place in range(MAXIMUM_SENTENCES):
        text = pool.take(pa.array(offset + generator.integers(0, sizes[topic])))
        begins = start + (end - start) * place // count
        ends = start + (end - start) * (place + 1) // count - 40
        numbers = (pc.cast(pa.array(times), pa.string()) for times in (begins, ends))
        parts = ('{"start": ', next(numbers), ', "end": ', next(numbers), ', "text": ', text, "}", "")
        piece = pc.binary_join_element_wise(*parts)
        pieces.append(pc.if_else(pa.array(place < count), piece, None))
    joined = pc.binary_join_element_wise(*pieces, ", ", null_handling="skip")
    return pc.binary_join_element_wise("[", joined, "]", "")


def plant_in_transcripts(table: SampleTable, world: World, connector: Connector) -> SampleTable:
    """Add odd rows to the transcripts."""
    random = Random(f"{world.seed} transcript oddities")
    total = table.rows.num_rows
    planter = Planter(random.sample(range(total), min(total, round(3000 * max(1.0, world.scale)))), world.scale, random)
    changes: dict[str, Callable[[Row], None]] = {
        "transcript deleted": delete,
        "transcript in plain text": lambda row: row.update(sentence=_plain(random, connector)),
        "transcript with an odd sentence": lambda row: row.update(sentence=_odd(row, random)),
        "transcript of an unknown speaker": lambda row: row.update(
            speaker_id=gong_id("speaker", random.randrange(10**9))
        ),
        "transcript without sentence": lambda row: row.update(sentence=None),
        "transcript with broken JSON": lambda row: row.update(sentence=_broken(row, connector)),
        "transcript without topic": lambda row: row.update(topic=None),
    }
    if connector == "strings":
        changes["transcript with an index that is not a number"] = lambda row: row.update(index=f"#{row['index']}")
    chosen: dict[int, str] = {number: sort for sort in changes for number in planter.take(sort)}
    rows: list[Row] = table.rows.take(pa.array(list(chosen), pa.int64())).to_pylist()
    for row, sort in zip(rows, chosen.values(), strict=True):
        changes[sort](row)
    kept = np.ones(total, dtype=bool)
    kept[list(chosen)] = False
    return replace(table, rows=table.rows.filter(pa.array(kept))).appended(rows)


def _plain(random: Random, connector: Connector) -> str:
    """Plain text; in a JSON column, JSON without times."""
    text = random.choice(words()["plain_sentences"])
    return text if connector == "strings" else json.dumps([{"text": text}])


def _odd(row: Row, random: Random) -> str:
    """The monologue with an odd text in its first sentence, with or without ASCII escapes."""
    sentences = json.loads(row["sentence"])
    sentences[0]["text"] = random.choice(words()["odd_sentences"])
    return json.dumps(sentences, ensure_ascii=random.random() < 0.5)


def _broken(row: Row, connector: Connector) -> str:
    """Truncated JSON; in a JSON column, which rejects that, an empty list."""
    cut: str = row["sentence"][:40]
    return cut if connector == "strings" else "[]"
