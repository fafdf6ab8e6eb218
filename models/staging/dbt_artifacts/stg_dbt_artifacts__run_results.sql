with source as (

    select * from {{ source('dbt_artifacts', 'run_results') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['invocation_id', 'unique_id']) }} as node_invocation_key,
        invocation_id,
        unique_id as node_id,
        status as run_status,
        {{ blank_to_null('thread_id') }} as thread_id,
        {{ blank_to_null('relation_name') }} as relation_name,
        {{ blank_to_null('message') }} as result_message,
        execution_seconds,
        failures as failure_count,
        rows_affected as affected_row_count,
        {{ utc_timestamp('started_at') }} as started_at,
        {{ utc_timestamp('completed_at') }} as completed_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
