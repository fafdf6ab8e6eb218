with source as (

    select * from {{ source('atom', 'customers') }}

),

final as (

    select
        customer_id,
        {{ blank_to_null('client_id') }} as client_id,
        tenant as tenant_id,
        customer_name,
        {{ blank_to_null('contact_email') }} as contact_email,
        {{ blank_to_null('segment') }} as customer_segment,
        country as country_code,
        currency as currency_code,
        -- A customer deleted in Atom stays as a flag: orders of the past still belong to their client.
        coalesce(_is_deleted, false) as is_deleted,
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source

)

select * from final
