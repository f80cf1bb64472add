"""What monitoring costs, measured: `python -m benchmarks` prints a table with targets and writes JSON."""
