import time

from stocktake.run.workspace import components
from stocktake.testing import Fault
from stocktake.testing.database import temporary_database
from tests.acceptance.installation import Installation, backfill

DS = ("ra_mst_regions", "ra_mst_courses", "ra_races", "ra_runners", "ra_race_results")
R = "/v1/results"
C = "/v1/racecards/pro"


def cases(day):
    d = day.isoformat()
    yield "429 ra", [Fault("429", endpoint=R, times=1, value="1")]
    yield "429", [Fault("429", endpoint=R, times=1)]
    yield "401", [Fault("401", endpoint=R)]
    yield "403", [Fault("403", endpoint=R)]
    yield "500x2", [Fault("500", endpoint=R, times=2)]
    yield "truncated", [Fault("truncated", endpoint=R, times=1)]
    yield "truncated_gzip", [Fault("truncated_gzip", endpoint=R, times=1)]
    yield "reset", [Fault("reset", endpoint=R, times=1)]
    yield "{}", [Fault("empty_object", endpoint=R)]
    yield "html", [Fault("html", endpoint=R)]
    yield "null", [Fault("null", endpoint=R)]
    yield "empty_body", [Fault("empty_body", endpoint=R)]
    yield "slow", [Fault("slow", endpoint=R, value=1.0)]
    yield "drift", [Fault("clock_drift")]
    for k in (
        "results_empty_with_total",
        "drop_finishers",
        "day_in_progress",
        "abandoned_meeting",
        "void_race",
        "malformed_race",
        "shifted_jockeys",
        "duplicate_race",
        "field_size_disagreement",
        "runners_absent",
        "page_two_missing",
    ):
        yield k, [Fault(k, match=d)]
        if k == "malformed_race":
            yield k + " no_id", [Fault(k, match=d, value="no_id")]


def test_explore(installation, settled, undisturbed, cluster):
    exp, _ = undisturbed(backfill(settled, settled, *DS))
    for name, faults in cases(settled):
        with temporary_database(cluster, components=components()) as db:
            inst = Installation(db, installation.server, installation.home)
            inst.run("init", "--sandbox")
            inst.server.rules.clear()
            inst.server.rules.add(faults)
            c = backfill(settled, settled, *DS)
            t = time.time()
            d = inst.run(*c)
            t = time.time() - t
            un = [
                u
                for u in inst.state().units
                if u[1] in ("results", "racecards") and u[4] != "complete"
            ]
            print(
                f"== {name}: exit {d.code} {t:.1f}s",
                [
                    u[0][3:] + "/" + u[1] + "/" + u[2][-1] + " " + u[4] + ": " + u[5][:110]
                    for u in un
                ],
                d.out[:300] if d.code == 3 else "",
                len(inst.rows("rejects")),
                flush=True,
            )
            n = inst.run(
                "count", "racing", *DS, "--since", str(settled), "--until", str(settled), "--json"
            )
            print(
                "   count",
                n.code,
                {
                    x["dataset"][3:]: x["states"]
                    for x in (
                        n.document
                        if isinstance(n.document, list)
                        else n.document.get("coverage") or n.document.get("datasets")
                    )
                },
                flush=True,
            )
            inst.server.rules.clear()
            if d.code == 3:
                inst.run("sources", "resume", "theracingapi")
            m = len(inst.targets())
            d = inst.run(*c)
            df = inst.state().differences(exp)
            print(
                "   then",
                d.code,
                len(inst.targets(m)),
                "diffs",
                len(df),
                [x[:160] for x in df[:4]],
                flush=True,
            )
