"""The command line: parse input, call the engine, render what it returns."""
