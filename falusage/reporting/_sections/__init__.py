"""The sections of a page, one file for each question. Currencies are never added."""
