"""HTTP under guard: politeness, rate limits, retries, and what came back as captures."""
