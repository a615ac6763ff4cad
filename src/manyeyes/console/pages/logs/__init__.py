"""What happened, on all machines; one picture's whole way."""
