"""The web console: pages for people, over the client that programs use."""
