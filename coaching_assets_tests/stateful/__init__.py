"""A model of the source and of the application, for random sequences of what either may do between syncs."""
