"""The tests: one directory a room of the package, real servers from `tests.services`."""
