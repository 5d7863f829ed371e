"""One request: the key, the address, the transport, the retries, and the error of a failure."""
