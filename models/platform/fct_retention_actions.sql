with actions as (

    select * from {{ ref('stg_ops__retention_actions') }}

),

-- An erasure takes a subject's name out of several columns of one table, each with a line of its own.
final as (

    select
        {{ dbt_utils.generate_surrogate_key(['run_id', 'dataset_name', 'action_cause', 'action_name']) }}
            as retention_action_key,
        run_id,
        dataset_name,
        action_cause,
        action_name,
        max(archive_path) as archive_path,
        max(archive_sha256) as archive_sha256,
        max(done_by) as done_by,
        count(*) as step_count,
        cast(sum(rows_due) as bigint) as rows_due,
        -- What is held is counted again in each step.
        max(rows_held) as rows_held,
        cast(sum(rows_done) as bigint) as rows_done,
        sum(rows_due) = sum(rows_done) as is_complete,
        max(as_of_at) as as_of_at,
        max(done_at) as done_at
    from actions
    group by run_id, dataset_name, action_cause, action_name

)

select * from final
