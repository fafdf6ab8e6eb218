with source as (

    select * from {{ source('emerald', 'bank_relationships') }}

),

final as (

    select
        relationship_id,
        client_id,
        bank_bic,
        product as bank_product,
        status as relationship_status,
        started_on as started_date,
        ended_on as ended_date,
        {{ utc_timestamp('modified_at') }} as last_modified_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
