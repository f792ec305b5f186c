"""Pictures: rows in, rows out, with everything the file holds; colour; MATLAB's resize."""
