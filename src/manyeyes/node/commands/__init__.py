"""What a node does for operators: commands under a guard, and files of its exchange folder."""
