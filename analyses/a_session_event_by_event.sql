-- Worked example of sessions: five of them event by event, those over midnight and the longest first, with the silence
-- before each event and the day that the whole session counts on. Inside a session silence is below 30 minutes.
with interactions as (

    select * from {{ ref('fct_interactions') }}

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

examples as (

    select * from sessions
    qualify row_number() over (order by is_over_midnight desc, length_seconds desc, session_key asc) <= 5

),

final as (

    select
        examples.session_key,
        examples.session_date as counts_on_date,
        examples.is_over_midnight,
        interactions.event_at,
        {{ dbt.datediff(
            'lag(interactions.event_at) over (partition by examples.session_key order by interactions.event_at)',
            'interactions.event_at', 'second'
        ) }} as silence_seconds,
        interactions.event_type,
        interactions.channel,
        interactions.is_action,
        interactions.duration_ms,
        examples.interaction_count as session_interaction_count,
        examples.action_count as session_action_count,
        examples.time_spent_seconds as session_time_spent_seconds
    from examples
    inner join interactions
        on examples.visitor_key = interactions.visitor_key
        and interactions.event_at between examples.started_at and examples.ended_at

)

select * from final
order by counts_on_date desc, session_key asc, event_at asc
