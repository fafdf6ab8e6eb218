-- A table: made of millions of lines, and read by the postings and by a test.
{{ config(materialized='table') }}

with lines as (

    select * from {{ ref('int_investor__sales_lines') }}

),

costed as (

    select
        lines.*,
        {{ amount_product('lines.unit_cost_amount_gbp', 'lines.ordered_quantity', digits=[6, 4], other_digits=[5, 3]) }}
            as cost_amount_gbp,
        {{ amount_product(
            'lines.refused_unit_cost_amount_gbp', 'lines.ordered_quantity', digits=[6, 4], other_digits=[5, 3]
        ) }} as refused_cost_amount_gbp
    from lines

),

-- Signs as in profit: what is earned is positive, what it costs is negative.
events as (

    select
        tenant_id,
        'net_revenue' as profit_line,
        'sale' as posting_kind,
        origin,
        currency_code,
        net_amount as amount,
        net_amount_gbp as amount_gbp,
        returned_date is not null as is_returned,
        shipped_date as event_date
    from costed
    union all
    select
        tenant_id,
        'net_revenue' as profit_line,
        'return' as posting_kind,
        origin,
        currency_code,
        -net_amount as amount,
        -net_amount_gbp as amount_gbp,
        true as is_returned,
        returned_date as event_date
    from costed
    where returned_date is not null
    union all
    select
        tenant_id,
        'freight' as profit_line,
        'sale' as posting_kind,
        origin,
        currency_code,
        -freight_amount as amount,
        -freight_amount_gbp as amount_gbp,
        returned_date is not null as is_returned,
        shipped_date as event_date
    from costed
    where carries_freight
    union all
    -- Stock is kept in pounds, and so is its cost booked.
    select
        tenant_id,
        'cost' as profit_line,
        'sale' as posting_kind,
        case
            when origin = 'accepted' and cost_amount_gbp is null then 'cost_not_landed'
            else origin
        end as origin,
        'GBP' as currency_code,
        -coalesce(cost_amount_gbp, refused_cost_amount_gbp) as amount,
        -coalesce(cost_amount_gbp, refused_cost_amount_gbp) as amount_gbp,
        returned_date is not null as is_returned,
        shipped_date as event_date
    from costed

),

final as (

    select
        tenant_id,
        profit_line,
        posting_kind,
        origin,
        currency_code,
        cast(coalesce(sum(amount), 0) as decimal(18, 4)) as amount,
        cast(coalesce(sum(amount_gbp), 0) as decimal(18, 4)) as amount_gbp,
        is_returned,
        event_date
    from events
    group by tenant_id, profit_line, posting_kind, origin, currency_code, is_returned, event_date

)

select * from final
