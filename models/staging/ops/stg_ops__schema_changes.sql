with source as (

    select * from {{ source('ops', 'schema_changes') }}

),

final as (

    select
        change_id as schema_change_key,
        source as source_name,
        dataset as landed_dataset_name,
        source || '.' || dataset as dataset_name,
        column_name,
        change as change_kind,
        old_type,
        new_type,
        load_id,
        {{ utc_timestamp('detected_at') }} as detected_at
    from source

)

select * from final
