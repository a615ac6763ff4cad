"""Worker processes and the slots that keep them alive. `main` is the process; the rest is the agent's side."""
