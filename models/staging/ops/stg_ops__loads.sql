with source as (

    select * from {{ source('ops', 'loads') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source', 'dataset', 'load_id']) }} as load_key,
        load_id,
        run_id,
        source as source_name,
        dataset as dataset_name,
        status as load_status,
        cursor_from,
        cursor_to,
        rows_read,
        rows_good,
        rows_rejected,
        rows_unchanged,
        rows_deleted,
        {{ utc_timestamp('started_at') }} as started_at,
        {{ utc_timestamp('finished_at') }} as finished_at
    from source

)

select * from final
