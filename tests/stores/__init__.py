"""Tests of the stores: one contract suite over every store and database, and what is particular to each."""
