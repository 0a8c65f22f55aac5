"""A job's configuration, of which the emulator keeps only the statement."""

from dataclasses import dataclass, field
from typing import Any

from coaching_assets_tests.front.behaviour import Behaviour, Request


@dataclass
class JobConfigurations(Behaviour):
    """A job has the configuration that it was created with, labels and limits included.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration
    """

    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Keep the configuration of a new job, and show it."""
        job = answer.get("jobReference", {}).get("jobId")
        if job is None:
            return
        if request.method == "POST" and "configuration" in request.content:
            self.configurations[job] = request.content["configuration"]
        if "configuration" in answer:
            _merge(answer["configuration"], self.configurations.get(job, {}))


def _merge(target: dict[str, Any], added: dict[str, Any]) -> None:
    """Add what is missing, at every level."""
    for name, value in added.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target.setdefault(name, value)
