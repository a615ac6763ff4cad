"""`manyeyes nodes add`: bring a machine in over SSH, from the operator's machine. Only this room imports asyncssh."""
