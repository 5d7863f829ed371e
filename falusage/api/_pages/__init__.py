"""One read of a range: windows, pages, and each page read fast or strictly."""
