"""The benchmark: this project beside other ways to do the same, in one run, on the same data and the same servers."""
