{% set mart_lines = {
    'net_revenue': 'net_revenue_amount_gbp', 'cost': '-cost_amount_gbp', 'freight': '-freight_amount_gbp',
    'incentive': '-incentive_amount_gbp', 'other_cost_of_sales': '-other_cost_of_sales_amount_gbp',
    'operating_cost': '-operating_cost_amount_gbp',
} %}

with profit as (

    select * from {{ ref('agg_profit_quarterly') }}

),

causes as (

    select * from {{ ref('int_investor__profit_bridge_causes') }}

),

ledger as (

    select * from {{ ref('int_investor__ledger_profit') }}
    where journal_state = 'posted'

),

steps as (

    select * from {{ ref('profit_bridge_steps') }}

),

mart as (

    {% for line, amount in mart_lines.items() %}
    select
        tenant_id,
        quarter_start_date,
        '{{ line }}' as profit_line,
        cast({{ amount }} as decimal(18, 4)) as amount_gbp
    from profit
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

journals as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'accounting_date') }} as date) as quarter_start_date,
        profit_line,
        cast(sum(amount_gbp) as decimal(18, 4)) as amount_gbp
    from ledger
    group by tenant_id, cast({{ dbt.date_trunc('quarter', 'accounting_date') }} as date), profit_line

),

-- Only where the ledger does not book incentives at all; where it does, a difference has to be looked at.
unbooked_incentives as (

    select
        mart.tenant_id,
        mart.quarter_start_date,
        mart.profit_line,
        'incentives_not_booked' as step_name,
        -mart.amount_gbp as amount_gbp
    from mart
    left join journals
        on mart.tenant_id = journals.tenant_id
        and mart.quarter_start_date = journals.quarter_start_date
        and mart.profit_line = journals.profit_line
    where mart.profit_line = 'incentive' and mart.amount_gbp <> 0 and journals.tenant_id is null

),

known as (

    {% for name, step_name in [
        ('mart', "'mart'"), ('causes', 'step_name'), ('unbooked_incentives', 'step_name'), ('journals', "'journals'"),
    ] %}
    select
        tenant_id,
        quarter_start_date,
        profit_line,
        {{ step_name }}{{ ' as step_name' if step_name != 'step_name' }},
        amount_gbp
    from {{ name }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

left_over as (

    select
        tenant_id,
        quarter_start_date,
        profit_line,
        'unexplained' as step_name,
        cast(sum(case when step_name = 'journals' then amount_gbp else -amount_gbp end) as decimal(18, 4))
            as amount_gbp
    from known
    group by tenant_id, quarter_start_date, profit_line

),

steps_taken as (

    select * from known
    union all
    select * from left_over

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(
            ['steps_taken.tenant_id', 'steps_taken.quarter_start_date', 'steps_taken.profit_line', 'steps.step_name']
        ) }} as profit_bridge_key,
        steps_taken.tenant_id,
        steps_taken.profit_line,
        steps.step_number,
        steps.step_name,
        steps.step_kind,
        steps.meaning as step_meaning,
        steps_taken.amount_gbp,
        steps_taken.quarter_start_date
    from steps_taken
    left join steps on steps_taken.step_name = steps.step_name

)

select * from final
