"""PostgreSQL: the local cluster, connections, migrations, queries, backup."""

from stocktake.store.cluster import LocalCluster
from stocktake.store.database import Database, open_database, tenant
from stocktake.store.migrate import ENGINE, Component, migrate, rollback, verify
from stocktake.store.queries import Queries, load_queries

__all__ = [
    "ENGINE",
    "Component",
    "Database",
    "LocalCluster",
    "Queries",
    "load_queries",
    "migrate",
    "open_database",
    "rollback",
    "tenant",
    "verify",
]
