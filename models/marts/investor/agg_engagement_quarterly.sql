-- From sessions, not from the days: a client that is active on ten days is one active client of the quarter.
with sessions as (

    select * from {{ ref('fct_sessions') }}

),

days as (

    select * from {{ ref('dim_date') }}

),

tenants as (

    select * from {{ ref('dim_tenant') }}

),

tracked as (

    select
        min(session_date) as first_date,
        max(session_date) as last_date
    from sessions

),

quarters as (

    select
        days.quarter_start_date,
        cast(count(*) as integer) as tracked_day_count,
        {{ dbt.datediff(
            'days.quarter_start_date', dbt.dateadd('month', 3, 'days.quarter_start_date'), 'day'
        ) }} as calendar_day_count
    from tracked
    inner join days on days.date_day between tracked.first_date and tracked.last_date
    group by days.quarter_start_date

),

tenant_quarters as (

    select
        tenants.tenant_id,
        quarters.quarter_start_date,
        quarters.tracked_day_count,
        quarters.tracked_day_count = quarters.calendar_day_count as is_complete
    from quarters
    cross join tenants

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'tenant_quarters.tenant_id', 'tenant_quarters.quarter_start_date',
        ]) }} as engagement_quarter_key,
        tenant_quarters.tenant_id,
        tenant_quarters.quarter_start_date,
        tenant_quarters.tracked_day_count,
        cast(count(distinct sessions.client_id) as integer) as active_client_count,
        cast(count(distinct sessions.visitor_key) as integer) as active_visitor_count,
        cast(count(sessions.session_key) as integer) as session_count,
        cast(count(sessions.session_key) - count(sessions.client_id) as integer) as anonymous_session_count,
        cast(coalesce(sum(sessions.interaction_count), 0) as integer) as interaction_count,
        cast(coalesce(sum(sessions.action_count), 0) as integer) as action_count,
        cast(coalesce(sum(sessions.time_spent_seconds), 0) as decimal(18, 3)) as time_spent_seconds,
        tenant_quarters.is_complete
    from tenant_quarters
    left join sessions
        on tenant_quarters.tenant_id = sessions.tenant_id
        and tenant_quarters.quarter_start_date
        = cast({{ dbt.date_trunc('quarter', 'sessions.session_date') }} as date)
    group by
        tenant_quarters.tenant_id,
        tenant_quarters.quarter_start_date,
        tenant_quarters.tracked_day_count,
        tenant_quarters.is_complete

)

select * from final
