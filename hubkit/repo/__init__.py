"""Where bytes come from: a folder, the Hub, memory. Reads only."""
