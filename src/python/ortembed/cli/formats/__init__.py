"""Files of texts and of vectors: one format a file, read and written a row at a time."""
