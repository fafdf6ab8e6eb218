-- Which journal books an event: the first weekly one of its company and kind that is dated on the day or up to six days
-- after it. What the journal's own date is, is the ledger's choice (a week is cut at the end of the books).
with events as (

    select * from {{ ref('int_investor__sales_events') }}

),

ledger as (

    select * from {{ ref('int_investor__ledger_profit') }}

),

profit_lines as (

    select * from {{ ref('profit_lines') }}
    where journal_category is not null

),

-- One a week: also where the account itself was refused, another account of the journal tells its date.
journals as (

    select
        tenant_id,
        journal_category,
        accounting_date,
        max(case when journal_state = 'posted' then 1 else 0 end) as posted_count,
        max(case when journal_state = 'quarantined' then 1 else 0 end) as quarantined_count
    from ledger
    where is_weekly_journal
    group by tenant_id, journal_category, accounting_date

),

days as (

    select distinct
        events.tenant_id,
        events.profit_line,
        events.posting_kind,
        profit_lines.journal_category,
        events.event_date
    from events
    inner join profit_lines
        on events.profit_line = profit_lines.profit_line and events.posting_kind = profit_lines.posting_kind

),

booked as (

    select
        days.tenant_id,
        days.profit_line,
        days.posting_kind,
        days.event_date,
        journals.accounting_date,
        case
            when journals.accounting_date is null then 'missing'
            when journals.posted_count = 1 then 'posted'
            when journals.quarantined_count = 1 then 'quarantined'
            else 'not_posted'
        end as journal_state
    from days
    left join journals
        on days.tenant_id = journals.tenant_id
        and days.journal_category = journals.journal_category
        and days.event_date <= journals.accounting_date
        and journals.accounting_date <= {{ dbt.dateadd('day', 6, 'days.event_date') }}
    qualify row_number() over (
            partition by days.tenant_id, days.profit_line, days.posting_kind, days.event_date
            order by journals.accounting_date
        ) = 1

),

final as (

    select
        events.*,
        booked.journal_state,
        cast({{ dbt.date_trunc('quarter', 'events.event_date') }} as date) as event_quarter_date,
        cast({{ dbt.date_trunc('quarter', 'coalesce(booked.accounting_date, events.event_date)') }} as date)
            as booking_quarter_date,
        coalesce(booked.accounting_date, events.event_date) as booking_date
    from events
    inner join booked
        on events.tenant_id = booked.tenant_id
        and events.profit_line = booked.profit_line
        and events.posting_kind = booked.posting_kind
        and events.event_date = booked.event_date

)

select * from final
