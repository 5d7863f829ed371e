"""Asking exactly, and knowing that the table is whole.

`query` says what is asked, `windows` cuts it into requests, `transport` sends one, `pages` turns
its bytes into columns, `reading` keeps the requests in order and under one budget, and `loading`
holds the sum against the API's own summary.
"""
