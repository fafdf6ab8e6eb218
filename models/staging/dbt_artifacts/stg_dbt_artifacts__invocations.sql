with source as (

    select * from {{ source('dbt_artifacts', 'invocations') }}

),

final as (

    select
        invocation_id,
        command as command_name,
        dbt_version,
        {{ blank_to_null('target_name') }} as target_name,
        elapsed_seconds,
        {{ utc_timestamp('generated_at') }} as generated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
