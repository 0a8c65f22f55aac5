"""The Dagster layer: assets, checks, jobs, schedules, sensors and resources. Only this layer imports Dagster."""
