with unit_profit as (

    select * from {{ ref('fct_unit_profit') }}

),

payouts as (

    select * from {{ ref('fct_incentive_payouts') }}

),

ledger as (

    select * from {{ ref('int_investor__ledger_profit') }}
    where journal_state = 'posted' and posting_kind = 'ledger'

),

-- An order that was not shipped earns nothing, but a payout may name it already: it counts when it was ordered.
lines as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'coalesce(shipped_date, order_date)') }} as date) as quarter_start_date,
        cast(sum(revenue_amount_gbp) as decimal(18, 4)) as net_revenue_amount_gbp,
        cast(sum(discount_amount_gbp) as decimal(18, 4)) as discount_amount_gbp,
        cast(sum(cost_amount_gbp) as decimal(18, 4)) as cost_amount_gbp,
        cast(sum(freight_amount_gbp) as decimal(18, 4)) as freight_amount_gbp,
        cast(sum(incentive_amount_gbp) as decimal(18, 4)) as line_incentive_amount_gbp,
        sum(case when is_shipped then 1 else 0 end) as shipped_line_count,
        sum(case when has_cost then 0 else 1 end) as line_without_cost_count
    from unit_profit
    group by tenant_id, cast({{ dbt.date_trunc('quarter', 'coalesce(shipped_date, order_date)') }} as date)

),

-- Payouts that are on no order line: the monthly commission, and orders without a line in the fact.
other_payouts as (

    select
        payouts.tenant_id,
        cast({{ dbt.date_trunc('quarter', 'payouts.period_start_date') }} as date) as quarter_start_date,
        cast(sum(payouts.net_payout_amount_gbp) as decimal(18, 4)) as other_incentive_amount_gbp
    from payouts
    where not exists (
            select 1 from unit_profit
            where unit_profit.order_id = payouts.order_id
        )
    group by payouts.tenant_id, cast({{ dbt.date_trunc('quarter', 'payouts.period_start_date') }} as date)

),

booked as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'accounting_date') }} as date) as quarter_start_date,
        cast(-sum(case when profit_line = 'other_cost_of_sales' then amount_gbp else 0 end) as decimal(18, 4))
            as other_cost_of_sales_amount_gbp,
        cast(-sum(case when profit_line = 'operating_cost' then amount_gbp else 0 end) as decimal(18, 4))
            as operating_cost_amount_gbp
    from ledger
    group by tenant_id, cast({{ dbt.date_trunc('quarter', 'accounting_date') }} as date)

),

quarters as (

    {% for part in ['lines', 'other_payouts', 'booked'] %}
    select
        tenant_id,
        quarter_start_date
    from {{ part }}
    {{ 'union' if not loop.last }}
    {% endfor %}

),

summed as (

    select
        quarters.tenant_id,
        quarters.quarter_start_date,
        {% for part in ['net_revenue', 'discount', 'cost', 'freight', 'line_incentive'] %}
        coalesce(lines.{{ part }}_amount_gbp, 0) as {{ part }}_amount_gbp,
        {% endfor %}
        coalesce(other_payouts.other_incentive_amount_gbp, 0) as other_incentive_amount_gbp,
        coalesce(booked.other_cost_of_sales_amount_gbp, 0) as other_cost_of_sales_amount_gbp,
        coalesce(booked.operating_cost_amount_gbp, 0) as operating_cost_amount_gbp,
        cast(coalesce(lines.shipped_line_count, 0) as bigint) as shipped_line_count,
        cast(coalesce(lines.line_without_cost_count, 0) as bigint) as line_without_cost_count
    from quarters
    {% for part in ['lines', 'other_payouts', 'booked'] %}
    left join {{ part }}
        on quarters.tenant_id = {{ part }}.tenant_id and quarters.quarter_start_date = {{ part }}.quarter_start_date
    {% endfor %}

),

added_up as (

    select
        summed.*,
        cast(summed.line_incentive_amount_gbp + summed.other_incentive_amount_gbp as decimal(18, 4))
            as incentive_amount_gbp,
        cast(
            summed.net_revenue_amount_gbp - summed.cost_amount_gbp - summed.freight_amount_gbp
            - summed.line_incentive_amount_gbp - summed.other_incentive_amount_gbp as decimal(18, 4)
        ) as contribution_amount_gbp
    from summed

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['tenant_id', 'quarter_start_date']) }} as profit_quarter_key,
        tenant_id,
        shipped_line_count,
        line_without_cost_count,
        cast(net_revenue_amount_gbp + discount_amount_gbp as decimal(18, 4)) as gross_revenue_amount_gbp,
        discount_amount_gbp,
        net_revenue_amount_gbp,
        cost_amount_gbp,
        freight_amount_gbp,
        incentive_amount_gbp,
        other_incentive_amount_gbp,
        contribution_amount_gbp,
        other_cost_of_sales_amount_gbp,
        operating_cost_amount_gbp,
        cast(
            contribution_amount_gbp - other_cost_of_sales_amount_gbp - operating_cost_amount_gbp as decimal(18, 4)
        ) as operating_profit_amount_gbp,
        {% for name, measure in [
            ('contribution', 'contribution_amount_gbp'),
            ('operating', 'contribution_amount_gbp - other_cost_of_sales_amount_gbp - operating_cost_amount_gbp'),
        ] %}
        -- Of nothing there is no margin.
        cast(
            100 * cast({{ measure }} as double) / nullif(cast(net_revenue_amount_gbp as double), 0) as decimal(18, 2)
        ) as {{ name }}_margin_percent,
        {% endfor %}
        {{ dbt.dateadd('month', 3, 'quarter_start_date') }} <= {{ as_of_date() }} as is_complete,
        quarter_start_date
    from added_up

)

select * from final
