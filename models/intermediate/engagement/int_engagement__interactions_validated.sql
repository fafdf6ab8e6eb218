-- The counted line of an event can leave the landed ones when its file is corrected; then another copy counts, or none.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail',
    pre_hook="{{ delete_vanished_rows(this, ref('stg_interactions__events'), ['source_ref', 'row_hash']) }}"
) }}

with all_lines as (

    select * from {{ ref('stg_interactions__events') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

interaction_types as (

    select * from {{ ref('interaction_types') }}

),

{% if is_incremental_run() %}
-- Past the CTEs: DuckDB would write down, with all its rows, a CTE that is read twice.
lookback as (

    select {{ lookback_start('existing.interactions_landed_at') }} as started_at from {{ this }} as existing

),

-- A line of the event landed, its lines are not those that were counted (new, or one is gone), or it is held back.
events_to_judge as (

    select landed.event_id from {{ ref('stg_interactions__events') }} as landed
    where landed.landed_at >= (select lookback.started_at from lookback)
    union
    select counted.event_id
    from (
        select
            landed.event_id,
            1 as copy_count
        from {{ ref('stg_interactions__events') }} as landed
        union all
        select
            existing.event_id,
            -existing.copy_count as copy_count
        from {{ this }} as existing
    ) as counted
    group by counted.event_id
    having sum(counted.copy_count) <> 0
    union
    select existing.event_id from {{ this }} as existing
    where existing.reason_codes is not null

),
{% endif %}

copies as (

    select
        all_lines.*,
        -- By what the tracking says, not by what landed first: the order of loads must not decide.
        row_number() over (
            partition by all_lines.event_id order by all_lines.received_at, all_lines.source_file, all_lines.source_line
        ) as copy_number,
        cast(count(*) over (partition by all_lines.event_id) as integer) as copy_count,
        min(all_lines.event_at) over (partition by all_lines.event_id)
        = max(all_lines.event_at) over (partition by all_lines.event_id)
        and min(all_lines.user_id) over (partition by all_lines.event_id)
        = max(all_lines.user_id) over (partition by all_lines.event_id)
        and min(all_lines.event_type) over (partition by all_lines.event_id)
        = max(all_lines.event_type) over (partition by all_lines.event_id) as has_equal_copies,
        max(all_lines.landed_at) over (partition by all_lines.event_id) as interactions_landed_at
    from all_lines
    {% if is_incremental_run() %}
    where all_lines.event_id in (select events_to_judge.event_id from events_to_judge)
    {% endif %}

),

joined as (

    select
        copies.*,
        tenants.tenant_id is not null as has_tenant,
        interaction_types.event_type is not null as has_known_type,
        coalesce(interaction_types.is_action, false) as is_action,
        {{ dbt.dateadd('day', var('late_event_days'), 'copies.event_at') }} as accepted_until_at,
        -- Clocks of devices run ahead by minutes; by more, the time is worth nothing.
        {{ dbt.dateadd('minute', 5, 'copies.received_at') }} as clock_limit_at,
        cast({{ dbt.dateadd('day', 1, as_of_date()) }} as {{ dbt.type_timestamp() }}) as tomorrow_at,
        {{ run_stamp() }} as validated_at
    from copies
    left join tenants on copies.tenant_id = tenants.tenant_id
    left join interaction_types on copies.event_type = interaction_types.event_type
    where copies.copy_number = 1

),

judged as (

    {{ evaluate_rules('joined') }}

),

final as (

    select judged.* from judged
    {% if is_incremental_run() %}
    -- What comes out as it is stored keeps its stamp, so that nothing downstream is built again for it.
    where not exists (
            select 1 from {{ this }} as existing
            where existing.event_id = judged.event_id
                and existing.source_ref = judged.source_ref
                and existing.row_hash = judged.row_hash
                and existing.copy_count = judged.copy_count
                and existing.interactions_landed_at = judged.interactions_landed_at
                and existing.landed_at = judged.landed_at
                and existing.is_action = judged.is_action
                and coalesce(existing.reason_codes, '') = coalesce(judged.reason_codes, '')
                and coalesce(existing.warning_codes, '') = coalesce(judged.warning_codes, '')
        )
    {% endif %}

)

select * from final
