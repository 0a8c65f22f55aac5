"""When things run: the job, the schedule, and how runs are executed."""
