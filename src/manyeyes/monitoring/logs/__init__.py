"""The logs of all machines, as a master keeps them: checked, put into a stream, indexed, served."""
