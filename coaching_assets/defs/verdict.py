"""The outcome of a check, in the two forms that Dagster knows: of a run, and without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagster import AssetCheckEvaluation, AssetCheckResult, AssetCheckSeverity, AssetKey


@dataclass(frozen=True)
class Verdict:
    """Whether a check passes, how bad it is where not, and a sentence about it."""

    check: str
    asset: AssetKey
    passed: bool
    description: str
    severity: AssetCheckSeverity = AssetCheckSeverity.WARN
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)

    def result(self) -> AssetCheckResult:
        """For a step that runs the check."""
        return AssetCheckResult(
            check_name=self.check,
            asset_key=self.asset,
            passed=self.passed,
            severity=self.severity,
            description=self.description,
            metadata=dict(self.metadata),
        )

    def evaluation(self) -> AssetCheckEvaluation:
        """For a sensor that evaluates it without a run."""
        return AssetCheckEvaluation(
            check_name=self.check,
            asset_key=self.asset,
            passed=self.passed,
            severity=self.severity,
            description=self.description,
            metadata=dict(self.metadata),
        )
