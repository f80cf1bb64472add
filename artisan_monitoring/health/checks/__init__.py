"""The built-in checks, one file per kind of thing they look at."""
