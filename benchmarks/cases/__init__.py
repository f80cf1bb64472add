"""One module a group of rows: `rows()` runs in the parent and starts children, `measure()` runs inside a child."""
