{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail',
    pre_hook="{{ delete_vanished_rows(
        this,
        '(select judged.event_id from ' ~ ref('int_engagement__interactions_validated')
        ~ ' as judged where judged.reason_codes is null)',
        'event_id'
    ) }}"
) }}

-- Which events change is decided upstream: a run takes over what has been judged otherwise since the last one.
with validated as (

    select * from {{ ref('int_engagement__interactions_validated') }}

),

clients as (

    select * from {{ ref('dim_client') }}

),

{% if is_incremental_run() %}
-- Judged otherwise, or a version of the client came, went or moved.
events_to_write as (

    select judged.event_id from {{ ref('int_engagement__interactions_validated') }} as judged
    where {{ written_since('validated_at', this, 'judged') }}
    union
    {{ rows_with_other_versions(this, 'event_id', {'clients': ('client', 'event_at')}) }}

),
{% endif %}

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['validated.event_id']) }} as interaction_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        {{ dbt_utils.generate_surrogate_key(['validated.tenant_id', 'validated.user_id']) }} as visitor_key,
        validated.event_id,
        validated.client_id,
        validated.user_id,
        validated.tenant_id,
        validated.channel,
        validated.event_type,
        validated.page_name,
        validated.campaign_name,
        validated.warning_codes,
        coalesce(validated.duration_ms, 0) as duration_ms,
        validated.copy_count,
        validated.is_action,
        -- Its day may have been reported without it.
        cast(validated.received_at as date) > cast(validated.event_at as date) as is_late,
        cast(validated.event_at as date) as event_date,
        validated.event_at,
        validated.received_at,
        validated.validated_at,
        validated.row_hash,
        validated.source_ref,
        validated.load_id,
        validated.landed_at,
        validated.interactions_landed_at
    from validated
    {{ point_in_time_join('clients', 'client_id', 'validated', 'event_at') }}
    where validated.reason_codes is null
        {% if is_incremental_run() %}
        and validated.event_id in (select events_to_write.event_id from events_to_write)
        {% endif %}

)

select * from final
