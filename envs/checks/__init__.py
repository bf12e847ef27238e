"""How `check` certifies an environment: probes run in child processes, and rules judge what they found."""
