"""Deploy marks: when which release began to run, said by a command or noticed by a process."""
