"""Every number the project quotes, measured again by anyone."""
