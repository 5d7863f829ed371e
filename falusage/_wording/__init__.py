"""Money, percentages, dates and ranges as text, for pictures, page and terminal."""
