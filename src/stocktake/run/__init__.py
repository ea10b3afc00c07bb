"""The conductor: the only package that knows which stage follows which."""
