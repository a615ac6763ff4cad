"""Masters and nodes finding each other on a local network, by mDNS. Only this room imports zeroconf."""
