{% set failed, blocked = "('error', 'fail', 'runtime error')", "('skipped')" %}

with invocations as (

    select * from {{ ref('stg_dbt_artifacts__invocations') }}

),

results as (

    select * from {{ ref('stg_dbt_artifacts__run_results') }}

),

freshness as (

    select * from {{ ref('stg_dbt_artifacts__freshness') }}

),

nodes as (

    select * from {{ ref('stg_dbt_artifacts__nodes') }}

),

pipelines as (

    select * from {{ ref('pipelines') }}

),

on_call as (

    select * from {{ ref('on_call') }}

),

outcomes as (

    select
        node_invocation_key,
        invocation_id,
        node_id,
        run_status,
        result_message,
        failure_count
    from results
    union all
    select
        node_invocation_key,
        invocation_id,
        node_id,
        case when freshness_status in {{ failed }} then 'stale' else freshness_status end as run_status,
        error_message as result_message,
        cast(null as bigint) as failure_count
    from freshness

),

-- How each node came out last. What has not run for a week is gone or was renamed, and wakes nobody.
latest as (

    select
        outcomes.*,
        invocations.generated_at
    from outcomes
    inner join invocations on outcomes.invocation_id = invocations.invocation_id
    where invocations.generated_at >= {{ dbt.dateadd('day', -7, as_of_date()) }}
    qualify row_number() over (
            partition by outcomes.node_id order by invocations.generated_at desc, outcomes.invocation_id desc
        ) = 1

),

failures as (

    select * from latest
    where run_status in {{ failed }} or run_status in {{ blocked }} or run_status = 'stale'

),

-- A test without a group of its own is answered by the group of a model that it reads.
groups_read as (

    select
        nodes.node_invocation_key,
        min(parents.owner_group) as owner_group
    from failures
    inner join nodes on failures.node_invocation_key = nodes.node_invocation_key
    inner join nodes as parents
        on nodes.invocation_id = parents.invocation_id
        and {{ text_position("'\"' || parents.node_id || '\"'", 'nodes.depends_on_json') }} > 0
    where nodes.owner_group is null and nodes.resource_type in ('test', 'unit_test')
    group by nodes.node_invocation_key

),

final as (

    select
        failures.node_invocation_key,
        failures.node_id,
        failures.invocation_id,
        coalesce(nodes.node_name, failures.node_id) as node_name,
        nodes.resource_type,
        case
            when failures.run_status in {{ blocked }} then 'blocked'
            when failures.run_status = 'stale' then 'stale'
            else 'failed'
        end as failure_kind,
        failures.result_message,
        pipelines.group_name,
        pipelines.criticality,
        pipelines.rota_name,
        on_call.on_call_role,
        on_call.backup_role,
        pipelines.owner_team,
        pipelines.secondary_owner,
        pipelines.sla_deadline,
        pipelines.runbook_path,
        failures.failure_count,
        failures.generated_at as failed_at
    from failures
    left join nodes on failures.node_invocation_key = nodes.node_invocation_key
    left join groups_read on failures.node_invocation_key = groups_read.node_invocation_key
    left join pipelines on coalesce(nodes.owner_group, groups_read.owner_group, 'none') = pipelines.group_name
    left join on_call
        on pipelines.rota_name = on_call.rota_name
        and on_call.slot_start_date <= {{ as_of_date() }}
        and on_call.slot_end_date >= {{ as_of_date() }}

)

select * from final
