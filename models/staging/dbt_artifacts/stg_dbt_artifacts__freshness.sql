with source as (

    select * from {{ source('dbt_artifacts', 'freshness') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['invocation_id', 'unique_id']) }} as node_invocation_key,
        invocation_id,
        unique_id as node_id,
        status as freshness_status,
        {{ blank_to_null('error') }} as error_message,
        age_seconds,
        warn_after_hours,
        error_after_hours,
        {{ utc_timestamp('max_loaded_at') }} as newest_row_at,
        {{ utc_timestamp('snapshotted_at') }} as measured_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
