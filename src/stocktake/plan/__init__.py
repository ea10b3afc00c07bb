"""Which units, in which order, at what cost; and plans kept in the database."""
