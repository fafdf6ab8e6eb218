"""`make retention` and `make anonymity`: what falls due and what is overdue; how many of those left are alike.

Neither deletes anything. docs/retention.md and docs/access.md say what is counted.
"""

from __future__ import annotations

import argparse
import os
import sys

from ingestion.errors import EXIT_OK, StrataError
from ingestion.lock import warehouse_lock
from tools.observed import Observed, observed
from tools.run import ROOT, dbt, default_warehouse, warehouse

EXIT_FAILED = 1
SEEDS = ["build", "--select", "retention_policies", "legal_holds", "--indirect-selection", "cautious"]
MEASURE = ["run-operation", "measure_retention"]
# Staging views too: they hold nothing as long as the tables that they read are not there.
REPORT = [
    "build", "--select", "stg_ops__retention_actions", "stg_ops__retention_due", "fct_retention_actions",
    "rpt_retention_due", "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test",
]  # fmt: skip
ANONYMITY = [
    ["build", "--select", "quasi_identifiers", "--indirect-selection", "cautious"],
    ["run-operation", "report_k_anonymity"],
]
DUE = """
select dataset_name, owner_team, coalesce(rows_overdue, 0) as rows_overdue, coalesce(rows_due, 0) as rows_due,
    coalesce(rows_due_in_90_days, 0) as rows_soon, coalesce(rows_held, 0) as rows_held, next_review_date,
    is_review_overdue, policy_fault
from {rpt_retention_due}
where rows_due > 0 or rows_due_in_90_days > 0 or rows_held > 0 or policy_fault is not null or is_review_overdue
order by rows_overdue desc, rows_due desc, dataset_name
"""
ALIKE = """
select dataset_name, population, quasi_identifiers, least_k, subject_count, k, groups_below, rows_below, verdict
from ops.k_anonymity
where run_id = (select arg_max(run_id, measured_at) from ops.k_anonymity)
order by dataset_name, population, quasi_identifiers
"""
ALIKE_SHAPE = "{:<36} {:<11} {:>8} {:>3} {:>7} {:>13} {:>11}  {:<7}  {}"
SHAPE = "{:<44} {:<24} {:>9} {:>9} {:>11} {:>9}  {}"


def main() -> int:
    """Run the step; returns 0, or 1 when dbt failed or, for anonymity, when too few are alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["due", "anonymity"])
    step = parser.parse_args().step
    os.chdir(ROOT)
    os.environ.setdefault("STRATA_WAREHOUSE", str(default_warehouse()))
    try:
        with warehouse_lock(warehouse()):
            os.environ["STRATA_LOCK_HELD"] = str(warehouse().resolve())
            failed = dbt(ANONYMITY if step == "anonymity" else [SEEDS, MEASURE, REPORT])
            # Too few alike is a failure too, and the report says whose.
            if not failed or step == "anonymity":
                with observed(read_only=True) as found:
                    print("\n".join(lines(found) if step == "due" else alike(found)))
            if failed:
                return EXIT_FAILED
    except StrataError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    return EXIT_OK


def lines(found: Observed) -> list[str]:
    """The report: a line for each policy under which something is due, held, late for review or wrong."""
    rows = found.rows(DUE, ["rpt_retention_due"])
    if not rows:
        return ["nothing is due, nor will it be in the next 90 days"]
    table = [SHAPE.format("policy", "owner", "overdue", "due", "in 90 days", "held", "note")]
    for row in rows:
        late = f"review was due on {row['next_review_date']}" if row["is_review_overdue"] else ""
        note = "; ".join(filter(None, [row["policy_fault"], late]))
        counts = (row["rows_overdue"], row["rows_due"], row["rows_soon"], row["rows_held"])
        table.append(SHAPE.format(row["dataset_name"], row["owner_team"], *counts, note).rstrip())
    return table


def alike(found: Observed) -> list[str]:
    """The newest measure of k-anonymity: a line for each dataset, population and set of quasi-identifiers."""
    if not found.relation("ops.k_anonymity"):
        return ["nothing has been measured"]
    heads = ("dataset", "population", "subjects", "k", "least k", "groups below", "rows below", "verdict", "alike in")
    table = [ALIKE_SHAPE.format(*heads)]
    for row in found.rows(ALIKE):
        k = "-" if row["k"] is None else row["k"]
        counts = (row["subject_count"], k, row["least_k"], row["groups_below"], row["rows_below"])
        columns = row["quasi_identifiers"].replace(";", ", ")
        table.append(ALIKE_SHAPE.format(row["dataset_name"], row["population"], *counts, row["verdict"], columns))
    return table


if __name__ == "__main__":
    sys.exit(main())
