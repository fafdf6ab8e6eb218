-- What grows: the column here, and the measure that growth compares.
{% set measures = {
    'sign_up': 'sign_up_count', 'activation': 'activation_count', 'active_client': 'active_client_count',
    'revenue': 'revenue_amount_gbp',
} %}
{% set periods = {'qoq': 1, 'yoy': 4} %}

with growth_days as (

    select * from {{ ref('fct_growth_daily') }}

),

engagement as (

    select * from {{ ref('agg_engagement_quarterly') }}

),

quarters as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_date,
        cast(count(*) as integer) as covered_day_count,
        {% for column in [
            'sign_up_count', 'activation_count', 'first_order_count', 'lost_client_count', 'net_new_client_count',
        ] %}
        cast(sum({{ column }}) as integer) as {{ column }},
        {% endfor %}
        cast(sum(acquisition_cost_amount_gbp) as decimal(18, 4)) as acquisition_cost_amount_gbp,
        cast(sum(revenue_amount_gbp) as decimal(18, 4)) as revenue_amount_gbp
    from growth_days
    group by tenant_id, cast({{ dbt.date_trunc('quarter', 'date_day') }} as date)

),

joined as (

    select
        quarters.*,
        -- Tracking starts later than orders do: no quarter of it is not a quarter without active clients.
        engagement.active_client_count,
        coalesce(engagement.is_complete, false) as has_complete_tracking,
        quarters.covered_day_count = {{ dbt.datediff(
            'quarters.quarter_start_date', dbt.dateadd('month', 3, 'quarters.quarter_start_date'), 'day'
        ) }} as is_complete
    from quarters
    left join engagement
        on quarters.tenant_id = engagement.tenant_id
        and quarters.quarter_start_date = engagement.quarter_start_date

),

-- Only whole quarters are compared: a running one would look like a fall.
comparable as (

    select
        {% for short, column in measures.items() %}
        case
            when is_complete{{ ' and has_complete_tracking' if short == 'active_client' }} then {{ column }}
        end as {{ short }}_now,
        {% endfor %}
        *
    from joined

),

-- Every quarter of the range is there, so that one row back is one quarter and four are a year.
compared as (

    select
        {% for short in measures %}
        {% for period, steps in periods.items() %}
        lag({{ short }}_now, {{ steps }}) over (
            partition by tenant_id order by quarter_start_date
        ) as {{ short }}_{{ period }},
        {% endfor %}
        {% endfor %}
        *
    from comparable

),

flagged as (

    select
        nullif(trim(
            ''
            {% for short in measures %}
            {% for period in periods %}
            || case
                when {{ is_implausible_growth(short ~ '_now', short ~ '_' ~ period) }}
                    then '{{ short }}_growth_{{ period }} '
                else ''
            end
            {% endfor %}
            {% endfor %}
        ), '') as implausible_rates,
        *
    from compared

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['tenant_id', 'quarter_start_date']) }} as growth_quarter_key,
        tenant_id,
        quarter_start_date,
        implausible_rates,
        covered_day_count,
        sign_up_count,
        activation_count,
        first_order_count,
        lost_client_count,
        net_new_client_count,
        active_client_count,
        acquisition_cost_amount_gbp,
        revenue_amount_gbp,
        {% for short in measures %}
        {% for period in periods %}
        {{ growth_rate(short ~ '_now', short ~ '_' ~ period) }} as {{ short }}_growth_{{ period }},
        {% endfor %}
        {% endfor %}
        implausible_rates is not null as is_growth_implausible,
        is_complete
    from flagged

)

select * from final
