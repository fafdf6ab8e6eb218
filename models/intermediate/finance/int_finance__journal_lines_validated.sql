-- A table: the fact and the quarantine read it, and each rule is evaluated once.
{{ config(materialized='table') }}

-- Journals that Workday handed over stand in Oracle's ledger line by line. They are left out here, so that no reader
-- can count them twice; what Workday has and the ledger has not is in.
with ledger_lines as (

    select * from {{ ref('int_erp__journal_lines') }}
    where not is_also_in_oracle

),

accounts as (

    select * from {{ ref('dim_gl_account') }}
    where not is_inferred

),

tenants as (

    select * from {{ ref('tenants') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

journals as (

    select
        source_system,
        journal_id,
        max(accounting_date) as accounting_date,
        cast(sum(ledger_amount_gbp) as decimal(28, 4)) as balance_gbp
    from ledger_lines
    group by source_system, journal_id

),

reversals as (

    select
        source_system,
        reversed_journal_id,
        max(journal_id) as reversed_by_journal_id
    from ledger_lines
    where reversed_journal_id is not null and journal_status <> 'cancelled'
    group by source_system, reversed_journal_id

),

placed as (

    select
        ledger_lines.*,
        tenants.tenant_id,
        reversals.reversed_by_journal_id,
        originals.journal_id as found_original_id,
        journals.balance_gbp as journal_balance_gbp,
        accounts.gl_account_id as found_account_id,
        accounts.start_date as account_start_date,
        accounts.end_date as account_end_date,
        rates.gbp_per_unit,
        cast(ledger_lines.debit_amount - ledger_lines.credit_amount as decimal(18, 4)) as net_amount,
        {{ in_gbp('ledger_lines.debit_amount - ledger_lines.credit_amount') }} as net_amount_gbp_at_rate
    from ledger_lines
    left join tenants on ledger_lines.company_id = tenants.tenant_id
    left join accounts on ledger_lines.gl_account_id = accounts.gl_account_id
    left join rates on {{ rate_at('ledger_lines.currency_code', 'ledger_lines.accounting_date') }}
    left join journals
        on ledger_lines.source_system = journals.source_system and ledger_lines.journal_id = journals.journal_id
    left join journals as originals
        on ledger_lines.source_system = originals.source_system
        and ledger_lines.reversed_journal_id = originals.journal_id
    left join reversals
        on ledger_lines.source_system = reversals.source_system
        and ledger_lines.journal_id = reversals.reversed_journal_id

),

-- What makes a line unusable by itself, once, because a journal is taken or left as a whole.
checked as (

    select
        placed.*,
        placed.accounting_date >= coalesce(placed.account_start_date, placed.accounting_date)
        and placed.accounting_date <= coalesce(placed.account_end_date, placed.accounting_date) as is_account_open,
        not placed.is_posted or placed.accounting_date <= {{ as_of_date() }} as is_not_in_the_future,
        -- A line in pounds only, without an amount in its currency, is how a revaluation is posted.
        (placed.debit_amount = 0 or placed.credit_amount = 0)
        and (placed.debit_amount_gbp = 0 or placed.credit_amount_gbp = 0)
        and placed.debit_amount + placed.credit_amount + placed.debit_amount_gbp + placed.credit_amount_gbp <> 0
            as is_one_sided,
        placed.gbp_per_unit is not null as has_rate,
        coalesce(
            net_amount = 0
            or abs(placed.ledger_amount_gbp - placed.net_amount_gbp_at_rate)
            <= 0.05 + 0.05 * abs(placed.net_amount_gbp_at_rate), true
        ) as is_near_rate,
        coalesce(
            net_amount = 0
            or abs(placed.ledger_amount_gbp - placed.net_amount_gbp_at_rate)
            <= 0.05 + 0.25 * abs(placed.net_amount_gbp_at_rate), true
        ) as is_in_reach_of_rate
    from placed

),

counted as (

    select
        checked.*,
        count(
            case
                when checked.is_account_open and checked.is_not_in_the_future and checked.is_one_sided
                    and checked.has_rate and checked.is_in_reach_of_rate
                    and checked.tenant_id is not null then 1
            end
        ) over (partition by checked.source_system, checked.journal_id)
        - count(*) over (partition by checked.source_system, checked.journal_id) as minus_bad_lines
    from checked

),

final as (

    {{ evaluate_rules('counted') }}

)

select * from final
