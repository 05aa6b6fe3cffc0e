"""One small module per verb: parse, call, render. No logic; heavy packages only inside functions."""
