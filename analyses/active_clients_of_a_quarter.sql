-- Worked example of active clients: the quarter's figure beside the sum of its days and the days a client came. A sum
-- of days would report several times as many clients.
with days as (

    select * from {{ ref('agg_engagement_daily') }}

),

quarters as (

    select * from {{ ref('agg_engagement_quarterly') }}

),

summed as (

    select
        tenant_id,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_date,
        sum(active_client_count) as active_client_days,
        sum(session_count) as sessions_of_days
    from days
    group by tenant_id, cast({{ dbt.date_trunc('quarter', 'date_day') }} as date)

),

final as (

    select
        quarters.tenant_id,
        quarters.quarter_start_date,
        quarters.is_complete,
        quarters.active_client_count,
        summed.active_client_days,
        {{ share_of('summed.active_client_days', 'quarters.active_client_count') }} as days_a_client,
        quarters.session_count,
        -- Sessions do add up: this is 0.
        quarters.session_count - summed.sessions_of_days as session_difference
    from quarters
    inner join summed
        on quarters.tenant_id = summed.tenant_id
        and quarters.quarter_start_date = summed.quarter_start_date

)

select * from final
order by tenant_id, quarter_start_date
