"""Column titles, money, percentages, dates and ranges as text, for pictures, page and terminal."""
