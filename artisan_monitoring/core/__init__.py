"""Pure parts: the standard library only, no Django, no I/O; time is an argument."""
