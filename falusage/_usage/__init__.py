"""What every function that takes usage shares: the table, its arguments, periods, currencies."""
