with source as (

    select * from {{ source('oracle', 'requisitions') }}

),

final as (

    select
        requisition_header_id as requisition_id,
        {{ blank_to_null('preparer_number') }} as preparer_id,
        requisition as requisition_number,
        requisitioning_bu as business_unit,
        {{ blank_to_null('description') }} as requisition_description,
        replace(lower(document_status), 'canceled', 'cancelled') as requisition_status,
        {{ utc_timestamp('submission_date') }} as submitted_at,
        {{ utc_timestamp('approved_date') }} as approved_at,
        {{ utc_timestamp('creation_date') }} as created_at,
        {{ utc_timestamp('last_update_date') }} as last_updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
