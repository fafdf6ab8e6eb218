with source as (

    select * from {{ source('ops', 'dead_letters') }}

),

final as (

    select
        dead_letter_id,
        load_id,
        source as source_name,
        dataset as dataset_name,
        record_key,
        reason_codes,
        detail,
        source_ref,
        replayed_at is null as is_open,
        {{ utc_timestamp('landed_at') }} as landed_at,
        {{ utc_timestamp('replayed_at') }} as replayed_at
    from source

)

select * from final
