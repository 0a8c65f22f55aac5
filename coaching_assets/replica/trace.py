"""What dlt says of a run of its own, for the metadata of a materialization."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class LoadTrace:
    """What dlt says of its run: the ids of its load packages, and the seconds that each of its steps took."""

    load_ids: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, pipeline: "Pipeline") -> "LoadTrace":
        """The trace of a pipeline's last run."""
        trace = pipeline.last_trace
        if trace is None:
            return cls()
        info = trace.last_load_info
        seconds: dict[str, float] = {
            step.step: round((step.finished_at - step.started_at).total_seconds(), 3)
            for step in trace.steps
            if step.finished_at is not None
        }
        return cls(tuple(info.loads_ids) if info else (), seconds)
