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

-- A day on which nobody came is a row of zeros.
tenant_days as (

    select
        tenants.tenant_id,
        days.date_day
    from tracked
    inner join days on days.date_day between tracked.first_date and tracked.last_date
    cross join tenants

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['tenant_days.tenant_id', 'tenant_days.date_day']) }}
            as engagement_day_key,
        tenant_days.tenant_id,
        tenant_days.date_day,
        cast(count(distinct sessions.client_id) as integer) as active_client_count,
        cast(count(distinct sessions.visitor_key) as integer) as active_visitor_count,
        cast(count(sessions.session_key) as integer) as session_count,
        cast(count(sessions.session_key) - count(sessions.client_id) as integer) as anonymous_session_count,
        cast(coalesce(sum(sessions.interaction_count), 0) as integer) as interaction_count,
        cast(coalesce(sum(sessions.action_count), 0) as integer) as action_count,
        cast(coalesce(sum(sessions.time_spent_seconds), 0) as decimal(18, 3)) as time_spent_seconds
    from tenant_days
    left join sessions
        on tenant_days.tenant_id = sessions.tenant_id
        and tenant_days.date_day = sessions.session_date
    group by tenant_days.tenant_id, tenant_days.date_day

)

select * from final
