"""What the database itself keeps apart, whatever a program asks of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from stocktake.store.database import tenant
from stocktake.testing.database import temporary_database

if TYPE_CHECKING:
    from stocktake.store.cluster import LocalCluster
    from tests.integration.tenants.conftest import Town

WITH_TENANTS = """
    select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid
      join pg_namespace n on n.oid = c.relnamespace
     where a.attname = 'tenant_id' and not a.attisdropped and c.relkind in ('r', 'p')
       and n.nspname not like 'pg\\_%' order by 1
"""
IN_FORCE = """
    select c.oid::regclass::text, c.relrowsecurity and c.relforcerowsecurity,
           pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), p.polcmd,
           pg_get_expr(d.adbin, d.adrelid)
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
      left join pg_policy p on p.polrelid = c.oid and p.polname = 'own_tenant'
                           and p.polroles = '{0}' and p.polpermissive
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.oid = any(%s::regclass[])
"""
FOREIGN = {
    "insert": "insert into audit (tenant_id, at, actor, via, address, action, subject)"
    " values (%(other)s, now(), '', '', '', '', '')",
    "update": "update shows.plays set tenant_id = %(other)s",
    "copy": "copy shows.plays (play_id, day, place, tenant_id) from stdin",
}
OWN_POLICY = {"tenant"}
"""Tables whose policy is another one, with its reason in the migration."""


def tables(conn: psycopg.Connection[Any]) -> list[str]:
    """Return every table that has a column for whose its rows are."""
    conn.execute("set local search_path = pg_catalog")
    return [name for (name,) in conn.execute(WITH_TENANTS).fetchall()]


@pytest.mark.fault("S06")
def test_every_table_with_tenants_has_the_one_policy_in_force(town: Town) -> None:
    with town.workspace.database.connection() as conn:
        names = [one for one in tables(conn) if one.partition(".")[2] not in OWN_POLICY]
        found = conn.execute(IN_FORCE, [names]).fetchall()

    assert len(found) == len(names) > 30
    assert {row[1:] for row in found} == {found[0][1:]}
    is_forced, using, check, commands, default = found[0][1:]
    assert is_forced
    assert commands in {"*", b"*"}
    assert "current_tenant" in using
    assert "current_tenant" in check
    assert "current_tenant" in default


@pytest.mark.fault("S07")
def test_the_application_cannot_pass_over_policies(town: Town) -> None:
    with town.workspace.database.connection() as conn:
        row = conn.execute(
            "select current_user, rolsuper or rolbypassrls from pg_roles"
            " where rolname = current_user"
        ).fetchone()
        owned = conn.execute(
            "select count(*) from pg_class"
            " where relowner = current_user::regrole and relpersistence <> 't'"
        ).fetchone()

    assert row == ("stocktake_app", False)
    assert owned == (0,)


@pytest.mark.fault("S07")
def test_no_view_and_no_materialised_view_passes_over_policies(town: Town) -> None:
    with town.workspace.database.connection() as conn:
        loose = conn.execute(
            "select oid::regclass::text from pg_class"
            " where relnamespace in ('stocktake'::regnamespace, 'shows'::regnamespace)"
            "   and (relkind = 'm' or (relkind = 'v' and"
            "        not coalesce(reloptions::text like '%security_invoker=true%', false)))"
        ).fetchall()

    assert loose == []


@pytest.mark.fault("S07")
def test_functions_that_see_more_return_one_id_each(town: Town) -> None:
    with town.workspace.database.connection() as conn:
        found = conn.execute(
            "select proname, prorettype::regtype::text, proretset, proconfig::text,"
            "       has_function_privilege('public', oid, 'execute')"
            "  from pg_proc where prosecdef and pronamespace = 'stocktake'::regnamespace"
        ).fetchall()

    assert {row[0] for row in found} == {
        "tenant_of_account",
        "tenant_of_invitation",
        "tenant_of_key",
        "tenant_of_session",
    }
    assert {row[1:] for row in found} == {
        ("uuid", False, '{"search_path=stocktake, pg_temp"}', False)
    }


def counted(conn: psycopg.Connection[Any], names: list[str]) -> dict[str, set[UUID | None]]:
    """Return whose rows of each table are in sight."""
    return {
        name: {
            row[0]
            for row in conn.execute(f"select distinct tenant_id from {name}".encode()).fetchall()
        }
        for name in names
    }


@pytest.mark.fault("S07")
def test_without_a_tenant_no_tenants_row_is_in_sight(town: Town) -> None:
    with town.workspace.database.connection() as conn:
        names = tables(conn)
        conn.execute("reset search_path")
        seen = counted(conn, [one for one in names if one != "stocktake.tenant"])

    assert {owner for owners in seen.values() for owner in owners} == {None}


@pytest.mark.fault("S06")
def test_a_tenant_sees_its_own_rows_alone(town: Town) -> None:
    with town.north.workspace.database.connection() as conn:
        names = tables(conn)
        seen = counted(conn, names)

    filled = {name for name, owners in seen.items() if owners}
    assert {owner for owners in seen.values() for owner in owners} == {town.north.tenant_id}
    assert {
        *("stocktake.run", "stocktake.capture", "stocktake.unit", "stocktake.reject"),
        *("stocktake.plan", "stocktake.ledger", "stocktake.member", "stocktake.schedule"),
        *("stocktake.event", "stocktake.audit", "stocktake.api_key", "stocktake.session"),
        *("stocktake.user_account", "stocktake.idempotency", "stocktake.signoff", "shows.plays"),
        *("stocktake.receipt", "stocktake.duplicate", "stocktake.tenant"),
    } - filled == {"stocktake.member"}


@pytest.mark.fault("S06")
@pytest.mark.parametrize("verb", ["insert", "update", "copy"])
def test_a_row_cannot_be_written_for_another_tenant(town: Town, verb: str) -> None:
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)
    with pytest.raises(refused), town.north.workspace.database.connection() as conn:
        conn.execute(FOREIGN[verb].encode(), {"other": town.south.tenant_id})


@pytest.mark.fault("S07")
def test_an_error_leaves_no_tenant_behind(cluster: LocalCluster) -> None:
    with temporary_database(cluster, pool_size=1) as database:
        for _ in range(20):
            failing = pytest.raises(psycopg.errors.DivisionByZero)
            with failing, database.of(uuid4()).connection() as conn:
                conn.execute("select 1 / 0")
            with database.connection() as conn:
                assert conn.execute("select current_tenant()").fetchone() == (None,)


@pytest.mark.fault("S07")
def test_a_thousand_transactions_of_many_tenants_on_one_connection_see_their_own(
    cluster: LocalCluster,
) -> None:
    with temporary_database(cluster, pool_size=1) as database:
        ids = [uuid4() for _ in range(10)]
        wrong: list[object] = []
        guard = threading.Lock()

        def work(place: int) -> None:
            mine = ids[place % len(ids)] if place % 11 else None
            with (database.of(mine) if mine else database).connection() as conn:
                conn.execute(
                    "insert into alert (dedupe, kind, subject, opened_at, last_seen_at)"
                    " values (%s, 'x', 'x', now(), now())",
                    [str(place)],
                )
                seen = conn.execute("select distinct tenant_id from alert").fetchall()
            if seen != [(mine,)]:
                with guard:
                    wrong.append((mine, seen))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(1000)))

    assert wrong == []


@pytest.mark.fault("S07")
def test_a_tenant_ends_with_its_transaction(cluster: LocalCluster) -> None:
    with temporary_database(cluster, pool_size=1) as database, database.connection() as conn:
        tenant(conn, uuid4())
        conn.commit()
        assert conn.execute("select current_tenant()").fetchone() == (None,)
