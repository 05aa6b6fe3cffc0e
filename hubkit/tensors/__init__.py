"""Headers and slices of weight files, without torch; nothing is ever unpickled."""
