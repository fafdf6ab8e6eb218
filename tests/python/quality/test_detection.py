"""Twenty-one kinds of fault, each planted in a company that works: who hears of it, from which command, how soon."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.calm_company import CalmCompany

from tools import run

ROOT = Path(__file__).resolve().parents[3]
DOCS = "https://git.example.com/strata/"
LANDING, RUN = "landing", "run"
TODAY = datetime.now(UTC).date()
# Order lines and what becomes of them, the quarantines, reference data, and what dbt and the landing say.
PARTS = ("+fct_purchase_order_lines", "+rpt_quarantine_summary", "agg_supplier_performance_monthly", "path:seeds",
         "path:models/staging/ops", "path:models/staging/dbt_artifacts")  # fmt: skip
# Of these, what the faults concern.
CONCERNED = ("+quarantine_purchase_order_lines", "fct_purchase_order_lines", "agg_supplier_performance_monthly",
             "path:seeds")  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What is planted, and who is to hear what of it.

    Attributes:
        plant: does it.
        told: a text that its incident holds, which names the dataset.
        owner: team that has to act.
        by: the command that has to tell it.
    """

    plant: Callable[[CalmCompany], None]
    told: str
    owner: str
    by: str


def dead_lettered_record(company: CalmCompany) -> None:
    company.deliver_sign_ups("b", [*["GB"] * 9, "Utopia"])


def file_refused(company: CalmCompany) -> None:
    (company.root / "crm" / "c.csv").write_text("a,b,c\n1,2,3\n", encoding="cp1252")


def source_down(company: CalmCompany) -> None:
    company.set({"SOURCES__INCENTIVE__BASE_URL": "http://127.0.0.1:9", "SOURCES__INCENTIVE__TOKEN": "t",
                 "SOURCES__INCENTIVE__MAX_ATTEMPTS": "1"})  # fmt: skip


def new_column(company: CalmCompany) -> None:
    company.sap.add_column("T001W", "YY1_CostCentre", "CC-10")


def dropped_column(company: CalmCompany) -> None:
    company.sap.remove_property("A_PurchaseOrder", "PaymentTerms")


def type_change(company: CalmCompany) -> None:
    company.sap.change_type("A_PurchaseOrderScheduleLine", "ScheduleLineOrderQuantity", "Edm.String")


def late_feed(company: CalmCompany) -> None:
    company.sql("update raw_customs.cbam_imports set _landed_at = _landed_at - interval 30 day")


def volume_drop(company: CalmCompany) -> None:
    company.set({"SOURCES__SAP__MAX_SHRINK_RATIO": "0.6"})  # else the landing refuses it, which is told as well
    for row in [*company.sap.tables["MARD"].rows][::2]:
        keys = dict(zip(company.sap.tables["MARD"].columns, row, strict=True))
        company.sap.delete("MARD", {name: keys[name] for name in ("MATNR", "WERKS", "LGORT", "CHARG", "LBBSA")})


def volume_spike(company: CalmCompany) -> None:
    for name in ("MARA", "MAKT"):
        table = company.sap.tables[name]
        for row in [row for row in table.rows if name == "MARA" or row[2] == "E"]:
            company.sap.insert(name, {**dict(zip(table.columns, row, strict=True)), "MATNR": f"{row[1]}-N"})


def silent_zero(company: CalmCompany) -> None:
    (company.root / "energy" / "today.jsonl").write_text("", encoding="utf-8")


def null_burst(company: CalmCompany) -> None:
    _change_suppliers(company, 2, lambda _: {"PSTLZ": ""})


def category_explosion(company: CalmCompany) -> None:
    _change_suppliers(company, 2, lambda number: {"REGIO": f"R{number}"})


def duplicate_burst(company: CalmCompany) -> None:
    _change_suppliers(company, 4, lambda _: {"NAME1": "Synthetic Supplier Ltd"})


def drifting_mean(company: CalmCompany) -> None:
    table = company.sap.tables["MARA"]
    for row in table.rows:
        weight = dict(zip(table.columns, row, strict=True))["BRGEW"]
        company.sap.update("MARA", {"MATNR": row[1]}, {"BRGEW": f"{float(weight) * 1.5:.3f}"})


def orphaned_keys(company: CalmCompany) -> None:
    _order(company, "4599999901", LIFNR="")  # refused, so that its item waits for it


def currency_without_rate(company: CalmCompany) -> None:
    _order(company, "4599999902", WAERS="JPY")


def future_date(company: CalmCompany) -> None:
    _order(company, "4599999903", BEDAT=f"{TODAY + timedelta(days=40)}")


def failing_data_test(company: CalmCompany) -> None:
    path = company.project / "seeds" / "operations" / "holidays.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1], ""]), encoding="utf-8")


def model_that_errors(company: CalmCompany) -> None:
    place = "models/marts/supply_chain/agg_supplier_performance_monthly.sql"
    company.edit(place, "select * from final", "select *, final.no_such_column as late_lines from final")


def stale_seed(company: CalmCompany) -> None:
    path = company.project / "seeds" / "reference" / "exchange_rates.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("USD") or date.fromisoformat(line.split(",")[2]) <= TODAY]
    path.write_text("\n".join([head, *kept, ""]), encoding="utf-8")


def on_call_gap(company: CalmCompany) -> None:
    path = company.project / "seeds" / "operations" / "on_call.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines.remove([line for line in lines if line.startswith("growth,")][20])
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


FAULTS = (
    Fault(dead_lettered_record, "1 record(s) of crm.sign_ups were refused", "growth-data", LANDING),
    Fault(file_refused, "a file of crm.sign_ups was refused as a whole", "growth-data", LANDING),
    Fault(source_down, "loading incentive failed", "data-platform", LANDING),
    Fault(new_column, "column yy1_cost_centre of sap.plants is new", "procurement-data", LANDING),
    Fault(dropped_column, "column payment_terms of sap.purchase_orders is no longer delivered", "procurement-data",
          LANDING),
    Fault(type_change, "of sap.purchase_order_schedule_lines has another type than agreed", "procurement-data",
          LANDING),
    Fault(late_feed, "source customs.cbam_imports is late", "sustainability-data", RUN),
    Fault(volume_drop, "row_count of sap.material_stock is out of control", "procurement-data", RUN),
    Fault(volume_spike, "row_count of sap.materials is out of control", "procurement-data", RUN),
    Fault(silent_zero, "rows_landed of energy.meter_readings is out of control", "sustainability-data", RUN),
    Fault(null_burst, "null_share of sap.suppliers.postal_code is unusual", "procurement-data", RUN),
    Fault(category_explosion, "distinct_count of sap.suppliers.region is unusual", "procurement-data", RUN),
    Fault(duplicate_burst, "repeated_share of sap.suppliers.organization_bp_name1 is unusual", "procurement-data", RUN),
    Fault(drifting_mean, "mean_value of sap.materials.gross_weight is unusual", "procurement-data", RUN),
    Fault(orphaned_keys, "of purchase_order_lines are in quarantine: ITEM_WITHOUT_ORDER", "procurement-analytics", RUN),
    Fault(currency_without_rate, "of purchase_order_lines are in quarantine: CURRENCY_WITHOUT_RATE",
          "procurement-analytics", RUN),
    Fault(future_date, "of purchase_order_lines are in quarantine: ORDERED_IN_FUTURE", "procurement-analytics", RUN),
    Fault(failing_data_test, "test holidays_can_be_used failed", "data-platform", RUN),
    Fault(model_that_errors, "model agg_supplier_performance_monthly failed", "supply-chain-analytics", RUN),
    Fault(stale_seed, "exchange rates of USD end on", "finance-data", RUN),
    Fault(on_call_gap, "test on_call_plan_is_complete_and_fair failed", "data-platform", RUN),
)  # fmt: skip


def _change_suppliers(company: CalmCompany, every: int, change: Callable[[str], dict[str, str]]) -> None:
    for row in [*company.sap.tables["LFA1"].rows][::every]:
        company.sap.update("LFA1", {"LIFNR": row[1]}, change(row[1]))


def _order(company: CalmCompany, number: str, **header: str) -> None:
    """An order of one item like the first one, but for what its header says."""
    tables = company.sap.tables
    first = tables["EKKO"].rows[0][tables["EKKO"].position("EBELN")]
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for name, changes in (("EKKO", {"LASTCHANGEDATETIME": stamp, **header}), ("EKPO", {"BANFN": "", "BNFPO": ""})):
        row = dict(zip(tables[name].columns, tables[name].matching({"EBELN": first})[0], strict=True))
        company.sap.insert(name, {**row, "EBELN": number, **changes})


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalmCompany]:
    """Landed and built, with sixty days behind it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        CalmCompany(tmp_path_factory.mktemp("detection"), patch) as company,
    ):
        company.deliver_sign_ups("a", ["GB"] * 10)
        company.deliver_readings("yesterday")
        company.deliver_customs("quarter")
        assert company.make("land") == 0
        company.remember_past()
        assert company.make("build", *PARTS) == 0
        yield company


def incidents(company: CalmCompany, first: int = 0) -> list[tuple[str, float]]:
    """What was told from the given message on, each incident as its text, and seconds after the command's work."""
    found = []
    for (_, body), at in list(zip(company.chat.received, company.told_at, strict=True))[first:]:
        sections = [block["text"]["text"] for block in body["blocks"] if block["type"] == "section"]
        found += [(text, at - company.ended) for text in sections]
    return found


def test_a_company_in_which_nothing_is_wrong_alarms_nobody(company: CalmCompany) -> None:
    told = [text for text, _ in incidents(company)]
    assert told == [], "\n".join(told)
    judged = "select count(distinct signal), count(distinct dataset_name), count(*) from dev_platform.fct_anomalies"
    ((signals, datasets, days),) = company.sql(judged)
    assert (signals, datasets) >= (5, 8) and days > 5000, "what is not judged cannot be unusual"
    limits = "select count(*) from dev_platform.fct_spc_points where centre_line is not null"
    assert company.sql(limits)[0][0] > 1000


def test_each_kind_of_fault_reaches_its_owner_from_the_command_that_met_it(company: CalmCompany) -> None:
    company.sleep()
    for fault in FAULTS:
        fault.plant(company)
    before = len(company.chat.received)
    assert company.make("land") == 1, "a source is down"
    told = {LANDING: incidents(company, before)}
    landed = len(company.chat.received)
    assert company.make("build", *CONCERNED) == 1, "a model stopped"
    told[RUN] = incidents(company, landed)
    missed = []
    for fault in FAULTS:
        name = fault.plant.__name__
        hits = [(text, seconds) for text, seconds in told[fault.by] if fault.told in text.split("\n")[0]]
        right = [text for text, _ in hits if f"\nowner: {fault.owner}" in text and _has_runbook(text)]
        said = f"told {hits[0][1]:.1f} s after the {fault.by}" if hits else "MISSED"
        print(f"{name:<24} {said}, {fault.owner}{'' if right else ': NOT as it should be'}")
        missed += [] if right else [name]
    everything = json.dumps(told, indent=1)
    assert len(missed) <= 0.1 * len(FAULTS), everything
    assert missed == [], everything
    everywhere = len(company.chat.received)
    assert run.tell(lambda: run.run_module(*run.ALERTS)) == 0 and len(company.chat.received) == everywhere, (
        "nothing is told twice"
    )


def _has_runbook(text: str) -> bool:
    link = re.search(r"\nrunbook: (\S+)", text)
    return link is not None and link[1].startswith(DOCS) and (ROOT / link[1].removeprefix(DOCS)).is_file()


def test_there_are_twenty_kinds() -> None:
    assert len({fault.told for fault in FAULTS}) == len(FAULTS) >= 20
