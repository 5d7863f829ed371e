"""One request: the key, the address, the transport, retries, and what a failure means."""
