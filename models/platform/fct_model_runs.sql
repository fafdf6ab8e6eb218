{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='node_invocation_key',
    on_schema_change='fail'
) }}

with results as (

    select * from {{ ref('stg_dbt_artifacts__run_results') }}

),

nodes as (

    select * from {{ ref('stg_dbt_artifacts__nodes') }}

),

invocations as (

    select * from {{ ref('stg_dbt_artifacts__invocations') }}

),

pipelines as (

    select * from {{ ref('pipelines') }}

),

profiles as (

    select * from {{ ref('stg_ops__dataset_profiles') }}
    where tenant_id = 'all'

),

final as (

    select
        results.node_invocation_key,
        results.invocation_id,
        results.node_id,
        {{ dataset_of('results.node_id') }} as dataset_name,
        nodes.resource_type,
        nodes.materialization,
        invocations.command_name,
        invocations.target_name,
        nodes.owner_group,
        pipelines.owner_team,
        results.run_status,
        nodes.file_checksum,
        results.execution_seconds,
        results.affected_row_count,
        -- DuckDB does not tell how many rows a statement wrote; the profile of the day says how many there are.
        profiles.row_count,
        results.run_status in ('error', 'fail', 'runtime error', 'partial success') as is_failed,
        coalesce(results.started_at, invocations.generated_at) as started_at,
        results.completed_at,
        results.row_hash,
        results.source_ref,
        results.load_id,
        results.landed_at
    from results
    inner join nodes on results.node_invocation_key = nodes.node_invocation_key
    inner join invocations on results.invocation_id = invocations.invocation_id
    left join pipelines on coalesce(nodes.owner_group, 'none') = pipelines.group_name
    left join profiles
        on {{ dataset_of('results.node_id') }} = profiles.dataset_name
        and cast(invocations.generated_at as date) = profiles.measured_date
    where
        nodes.resource_type in ('model', 'snapshot', 'seed')
        {% if is_incremental_run() %}
        -- An invocation lands once and whole, so that one stamp is watermark enough; the look-back takes over what was
        -- measured since.
        and results.landed_at >= (select {{ lookback_start('existing.landed_at') }} from {{ this }} as existing)
        {% endif %}

)

select * from final
