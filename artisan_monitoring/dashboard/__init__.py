"""The pages that draw what is known: the overview, the metrics, the jobs. They only read."""
