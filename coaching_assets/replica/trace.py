"""The trace of a dlt run, for the metadata of a materialization."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class LoadTrace:
    """Ids of the load packages of a run, and the seconds per step."""

    load_ids: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def followed_by(self, later: "LoadTrace") -> "LoadTrace":
        """Both runs as one: all load ids, and the sum of the seconds per step."""
        steps = dict.fromkeys((*self.seconds, *later.seconds))
        seconds = {step: round(self.seconds.get(step, 0) + later.seconds.get(step, 0), 3) for step in steps}
        return LoadTrace((*self.load_ids, *later.load_ids), seconds)

    @classmethod
    def of(cls, pipeline: "Pipeline") -> "LoadTrace":
        """Return the trace of a pipeline's last run; empty if it never ran."""
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
