"""What a row must be, as pandera models, and what becomes of the rows that are not.

`usage` holds the models, `validation` splits a table into the rows that keep them and the rows
that do not, each with the names of the rules that it broke.
"""
