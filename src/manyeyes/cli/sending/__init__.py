"""What `manyeyes send` does: plan what to send, send it, write the answers, resume after a stop."""
