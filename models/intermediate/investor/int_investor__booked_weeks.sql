-- A table: each week is evaluated once for all causes.
{{ config(materialized='table') }}

{% set origins = ['accepted', 'refused', 'cost_not_landed', 'quarantined'] %}

with events as (

    select * from {{ ref('int_investor__placed_events') }}

),

ledger as (

    select * from {{ ref('int_investor__ledger_profit') }}
    where is_weekly_journal and journal_state = 'posted'

),

weeks as (

    select
        tenant_id,
        profit_line,
        posting_kind,
        currency_code,
        journal_state,
        {% for origin in origins %}
        cast(sum(case when origin = '{{ origin }}' then amount else 0 end) as decimal(18, 4)) as {{ origin }}_amount,
        {% endfor %}
        cast(sum(case when origin = 'accepted' then amount_gbp else 0 end) as decimal(18, 4)) as accepted_amount_gbp,
        booking_quarter_date,
        booking_date
    from events
    group by
        tenant_id, profit_line, posting_kind, currency_code, journal_state, booking_quarter_date, booking_date

),

posted as (

    select
        tenant_id,
        profit_line,
        posting_kind,
        currency_code,
        accounting_date,
        cast(sum(amount) as decimal(18, 4)) as posted_amount,
        cast(sum(amount_gbp) as decimal(18, 4)) as posted_amount_gbp
    from ledger
    group by tenant_id, profit_line, posting_kind, currency_code, accounting_date

),

-- The rate that the ledger took for the week; the group's own where nothing was posted in the currency.
rated as (

    select
        weeks.*,
        coalesce(posted.posted_amount, 0) as posted_amount,
        coalesce(
            cast(posted.posted_amount_gbp as double) / nullif(cast(posted.posted_amount as double), 0),
            cast(weeks.accepted_amount_gbp as double) / nullif(cast(weeks.accepted_amount as double), 0),
            0
        ) as ledger_rate,
        coalesce(posted.posted_amount, 0)
        - weeks.accepted_amount - weeks.refused_amount - weeks.cost_not_landed_amount as open_amount
    from weeks
    left join posted
        on weeks.tenant_id = posted.tenant_id
        and weeks.profit_line = posted.profit_line
        and weeks.posting_kind = posted.posting_kind
        and weeks.currency_code = posted.currency_code
        and weeks.booking_date = posted.accounting_date

),

final as (

    select
        tenant_id,
        profit_line,
        posting_kind,
        currency_code,
        journal_state,
        {% for origin in origins %}
        {{ origin }}_amount,
        {% endfor %}
        posted_amount,
        accepted_amount_gbp,
        {% for origin in origins %}
        cast({{ origin }}_amount * ledger_rate as decimal(18, 4)) as {{ origin }}_amount_at_ledger_rate,
        {% endfor %}
        -- What is in quarantine counts as booked where the week comes closer with it than without, all or nothing.
        abs(open_amount - quarantined_amount) < abs(open_amount) as has_booked_quarantined,
        booking_quarter_date,
        booking_date
    from rated

)

select * from final
