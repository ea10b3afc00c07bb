"""The HTTP API: the command line's verbs and words over HTTP; it parses, calls ``run``, answers."""
