def run_checks(*a, **k):
    return []
