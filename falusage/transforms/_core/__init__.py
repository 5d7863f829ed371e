"""What several questions share: names as numbers, rows by currency, steps of prices."""
