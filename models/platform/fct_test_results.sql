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

-- A test that stands in a properties file tests that model. One of its own is counted for what it reads first.
tests as (

    select
        nodes.*,
        coalesce(
            nodes.attached_node_id,
            {{ first_match('nodes.depends_on_json', "'(model|source|snapshot|seed)[.][^\"]+'") }}
        ) as tested_node_id
    from nodes
    where nodes.resource_type in ('test', 'unit_test')

),

owned as (

    select
        tests.*,
        coalesce(tests.owner_group, tested.owner_group, 'none') as answering_group
    from tests
    left join nodes as tested
        on tests.invocation_id = tested.invocation_id
        and tests.tested_node_id = tested.node_id

),

final as (

    select
        results.node_invocation_key,
        results.invocation_id,
        results.node_id,
        owned.node_name as test_name,
        case when owned.resource_type = 'unit_test' then 'unit' else 'data' end as test_kind,
        {{ dataset_of('owned.tested_node_id') }} as dataset_name,
        owned.answering_group as owner_group,
        pipelines.owner_team,
        coalesce(owned.severity, 'error') as severity,
        results.run_status,
        results.execution_seconds,
        results.failure_count,
        results.run_status in ('error', 'fail', 'runtime error', 'partial success') as is_failed,
        coalesce(results.started_at, invocations.generated_at) as started_at,
        results.row_hash,
        results.source_ref,
        results.load_id,
        results.landed_at
    from results
    inner join owned on results.node_invocation_key = owned.node_invocation_key
    inner join invocations on results.invocation_id = invocations.invocation_id
    left join pipelines on owned.answering_group = pipelines.group_name
    {% if is_incremental_run() %}
    where results.landed_at >= (select {{ lookback_start('existing.landed_at') }} from {{ this }} as existing)
    {% endif %}

)

select * from final
