"""Headers and slices of weight files, and every pickle in them, without torch; nothing is ever unpickled."""
