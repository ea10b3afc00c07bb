def junit_xml(*a, **k):
    return ""
