"""The river: buffer, flusher, inbox, drain, and the jobs that keep it moving."""
