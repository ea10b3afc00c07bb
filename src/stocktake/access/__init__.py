"""Who may come in, as whom, and what was done: users, sessions, API keys, login limits, audit."""
