"""Ask the API for usage, and prove that the answer is complete.

`query` is what is asked. `client` sends it and `_loading` reads the range until it agrees with the
API's own summary: `_pages` cuts it into windows and reads each page, `_http` sends one request and
repeats it. `load`, `receipt` and `reconciliation` are what a load returns.
"""
