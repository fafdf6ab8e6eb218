with events as (

    select * from {{ ref('int_investor__placed_events') }}
    where origin = 'accepted'

),

weeks as (

    select * from {{ ref('int_investor__booked_weeks') }}

),

ledger as (

    select * from {{ ref('int_investor__ledger_profit') }}
    where not is_weekly_journal and journal_state = 'posted'

),

causes as (

    -- A returned order's revenue is not in the mart; the ledger has it where it was shipped and where it came back.
    select
        tenant_id,
        event_quarter_date as quarter_start_date,
        profit_line,
        'returned_orders' as step_name,
        amount_gbp
    from events
    where profit_line = 'net_revenue' and is_returned
    union all
    select
        tenant_id,
        event_quarter_date as quarter_start_date,
        profit_line,
        'booked_in_other_quarter' as step_name,
        -amount_gbp as amount_gbp
    from events
    where event_quarter_date <> booking_quarter_date
    union all
    select
        tenant_id,
        booking_quarter_date as quarter_start_date,
        profit_line,
        'booked_in_other_quarter' as step_name,
        amount_gbp
    from events
    where event_quarter_date <> booking_quarter_date
    union all
    select
        tenant_id,
        booking_quarter_date as quarter_start_date,
        profit_line,
        case journal_state
            when 'quarantined' then 'journal_quarantined'
            when 'missing' then 'journal_missing'
            else 'journal_not_posted'
        end as step_name,
        -accepted_amount_gbp as amount_gbp
    from weeks
    where journal_state <> 'posted'
    union all
    select
        tenant_id,
        booking_quarter_date as quarter_start_date,
        profit_line,
        'currency' as step_name,
        accepted_amount_at_ledger_rate - accepted_amount_gbp as amount_gbp
    from weeks
    where journal_state = 'posted'
    {% for origin, step_name, condition in [
        ('refused', 'refused_orders', ''),
        ('cost_not_landed', 'cost_not_landed', ''),
        ('quarantined', 'quarantined_lines', ' and has_booked_quarantined'),
    ] %}
    union all
    select
        tenant_id,
        booking_quarter_date as quarter_start_date,
        profit_line,
        '{{ step_name }}' as step_name,
        {{ origin }}_amount_at_ledger_rate as amount_gbp
    from weeks
    where journal_state = 'posted'{{ condition }}
    {% endfor %}
    union all
    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'accounting_date') }} as date) as quarter_start_date,
        profit_line,
        'other_journals' as step_name,
        amount_gbp
    from ledger

),

final as (

    select
        tenant_id,
        quarter_start_date,
        profit_line,
        step_name,
        cast(sum(amount_gbp) as decimal(18, 4)) as amount_gbp
    from causes
    group by tenant_id, quarter_start_date, profit_line, step_name
    having cast(sum(amount_gbp) as decimal(18, 4)) <> 0

)

select * from final
