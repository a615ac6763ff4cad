"""Picture in, result out: no network, no asyncio, one thread."""
