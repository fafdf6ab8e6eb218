{% set steps = {
    'sign_up': 'sign_up_count', 'activation': 'activation_count', 'first_order': 'first_order_count',
    'loss': 'lost_client_count',
} %}

with client_events as (

    select * from {{ ref('int_growth__client_events') }}

),

profits as (

    select * from {{ ref('fct_unit_profit') }}

),

days as (

    select * from {{ ref('dim_date') }}

),

tenants as (

    select * from {{ ref('dim_tenant') }}

),

-- Losses reach back further than sign-ups and orders do, so that they do not open the range.
covered as (

    select
        min(known.known_date) as first_date,
        max(known.known_date) as last_date
    from (
        select event_date as known_date from client_events
        where event_name <> 'loss'
        union
        select order_date as known_date from profits
        union
        select shipped_date as known_date from profits
    ) as known

),

tenant_days as (

    select
        tenants.tenant_id,
        days.date_day
    from covered
    inner join days on days.date_day between covered.first_date and covered.last_date
    cross join tenants

),

steps_by_day as (

    select
        tenant_id,
        event_date,
        {% for step, column in steps.items() %}
        count(case when event_name = '{{ step }}' then 1 end) as {{ column }},
        {% endfor %}
        sum(acquisition_cost_amount_gbp) as acquisition_cost_amount_gbp
    from client_events
    group by tenant_id, event_date

),

revenue_by_day as (

    select
        tenant_id,
        shipped_date,
        sum(revenue_amount_gbp) as revenue_amount_gbp
    from profits
    where is_shipped
    group by tenant_id, shipped_date

),

measured as (

    select
        tenant_days.tenant_id,
        tenant_days.date_day,
        row_number() over (partition by tenant_days.tenant_id order by tenant_days.date_day) as day_number,
        {% for column in steps.values() %}
        cast(coalesce(steps_by_day.{{ column }}, 0) as integer) as {{ column }},
        {% endfor %}
        cast(coalesce(steps_by_day.acquisition_cost_amount_gbp, 0) as decimal(18, 4)) as acquisition_cost_amount_gbp,
        cast(coalesce(revenue_by_day.revenue_amount_gbp, 0) as decimal(18, 4)) as revenue_amount_gbp
    from tenant_days
    left join steps_by_day
        on tenant_days.tenant_id = steps_by_day.tenant_id and tenant_days.date_day = steps_by_day.event_date
    left join revenue_by_day
        on tenant_days.tenant_id = revenue_by_day.tenant_id and tenant_days.date_day = revenue_by_day.shipped_date

),

-- Four whole weeks, so that both windows have the same days of the week. Empty before the range has enough days.
windowed as (

    select
        {% for column, short in {'sign_up_count': 'sign_up', 'revenue_amount_gbp': 'revenue'}.items() %}
        case
            when day_number >= 28
                then sum({{ column }}) over (
                        partition by tenant_id order by date_day rows between 27 preceding and current row
                    )
        end as {{ short }}_28d,
        case
            when day_number >= 56
                then sum({{ column }}) over (
                        partition by tenant_id order by date_day rows between 55 preceding and 28 preceding
                    )
        end as {{ short }}_before,
        {% endfor %}
        *
    from measured

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['tenant_id', 'date_day']) }} as growth_day_key,
        tenant_id,
        date_day,
        sign_up_count,
        activation_count,
        first_order_count,
        lost_client_count,
        activation_count - lost_client_count as net_new_client_count,
        acquisition_cost_amount_gbp,
        revenue_amount_gbp,
        cast(sign_up_28d as integer) as sign_up_28d_count,
        cast(revenue_28d as decimal(18, 4)) as revenue_28d_amount_gbp,
        {{ growth_rate('sign_up_28d', 'sign_up_before') }} as sign_up_growth_28d,
        {{ growth_rate('revenue_28d', 'revenue_before') }} as revenue_growth_28d,
        {{ is_implausible_growth('sign_up_28d', 'sign_up_before') }}
        or {{ is_implausible_growth('revenue_28d', 'revenue_before') }} as is_growth_implausible
    from windowed

)

select * from final
