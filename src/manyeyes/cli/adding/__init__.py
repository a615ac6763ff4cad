"""`manyeyes nodes add`: adds a machine over SSH, from the operator's machine. Only this folder imports asyncssh."""
