"""Discovery of masters on a local network, by mDNS. Only this folder imports zeroconf."""
