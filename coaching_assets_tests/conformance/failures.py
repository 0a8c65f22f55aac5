"""What a sync says when it stops, before its steps or in them."""

from coaching_assets.errors import CoachingError
from coaching_assets_tests.support.deployment import Deployment


def failures_of_sync(deployment: Deployment) -> list[str]:
    """Sync; the sentences of the steps that failed, or of the error that came before them."""
    try:
        return list(deployment.sync().failures)
    except CoachingError as error:
        return [str(error)]
