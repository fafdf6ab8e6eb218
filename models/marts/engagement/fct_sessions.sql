{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='visitor_key',
    on_schema_change='fail',
    pre_hook="{{ delete_vanished_rows(this, ref('fct_interactions'), 'visitor_key') }}"
) }}

-- All sessions of a visitor are written again when any event of it came, changed or went: one late event can join two
-- sessions, one that goes can split one, and a part of the history could not tell.
with interactions as (

    select * from {{ ref('fct_interactions') }}

),

clients as (

    select * from {{ ref('dim_client') }}

),

{% if is_incremental_run() %}
visitors_to_rebuild as (

    select written.visitor_key from {{ ref('fct_interactions') }} as written
    where {{ written_since('validated_at', this, 'written') }}
    union
    -- Nothing is written for an event that went, but the visitor has fewer than its sessions count.
    select counted.visitor_key
    from (
        select
            here.visitor_key,
            1 as interaction_count
        from {{ ref('fct_interactions') }} as here
        union all
        select
            existing.visitor_key,
            -existing.interaction_count as interaction_count
        from {{ this }} as existing
    ) as counted
    group by counted.visitor_key
    having sum(counted.interaction_count) <> 0
    union
    {{ rows_with_other_versions(this, 'visitor_key', {'clients': ('client', 'started_at')}) }}

),
{% endif %}

followed as (

    select
        *,
        lag(event_at) over (partition by visitor_key order by event_at, event_id) as previous_event_at
    from interactions
    {% if is_incremental_run() %}
    where visitor_key in (select visitors_to_rebuild.visitor_key from visitors_to_rebuild)
    {% endif %}

),

numbered as (

    select
        *,
        sum(
            case
                when event_at < {{ dbt.dateadd('minute', var('session_silence_minutes'), 'previous_event_at') }} then 0
                else 1
            end
        ) over (
            partition by visitor_key order by event_at, event_id rows between unbounded preceding and current row
        ) as session_number
    from followed

),

placed as (

    select
        *,
        row_number() over (partition by visitor_key, session_number order by event_at, event_id) as event_number,
        row_number() over (
            partition by visitor_key, session_number
            order by case when client_id is null then 1 else 0 end, event_at, event_id
        ) as client_number
    from numbered

),

sessions as (

    select
        visitor_key,
        {% for column in [
            'event_id', 'user_id', 'tenant_id', 'channel', 'campaign_name', 'row_hash', 'source_ref', 'load_id',
            'landed_at',
        ] %}
        max(case when event_number = 1 then {{ column }} end) as {{ column }},
        {% endfor %}
        max(case when client_number = 1 then client_id end) as client_id,
        cast(count(*) as integer) as interaction_count,
        cast(count(case when is_action then 1 end) as integer) as action_count,
        cast(count(distinct channel) as integer) as channel_count,
        sum(duration_ms) as time_spent_ms,
        count(case when event_type = 'order_placed' then 1 end) > 0 as has_order,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        max(validated_at) as validated_at
    from placed
    group by visitor_key, session_number

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['sessions.visitor_key', 'sessions.event_id']) }} as session_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        sessions.visitor_key,
        sessions.event_id as first_event_id,
        sessions.client_id,
        sessions.user_id,
        sessions.tenant_id,
        sessions.channel,
        sessions.campaign_name,
        sessions.interaction_count,
        sessions.action_count,
        sessions.channel_count,
        cast(sessions.time_spent_ms * 0.001 as decimal(18, 3)) as time_spent_seconds,
        cast({{ dbt.datediff('sessions.started_at', 'sessions.ended_at', 'second') }} as integer) as length_seconds,
        sessions.has_order,
        cast(sessions.started_at as date) < cast(sessions.ended_at as date) as is_over_midnight,
        cast(sessions.started_at as date) as session_date,
        sessions.started_at,
        sessions.ended_at,
        sessions.validated_at,
        sessions.row_hash,
        sessions.source_ref,
        sessions.load_id,
        sessions.landed_at
    from sessions
    {{ point_in_time_join('clients', 'client_id', 'sessions', 'started_at') }}

)

select * from final
