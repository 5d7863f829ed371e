"""One read of a range: windows, pages, and each page read by the fast or the strict reader."""
