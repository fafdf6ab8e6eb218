with source as (

    select * from {{ source('emerald', 'clients') }}

),

final as (

    select
        client_id,
        tenant as tenant_id,
        {{ blank_to_null('lei') }} as lei,
        {{ blank_to_null('declared_bank_bic') }} as declared_bank_bic,
        legal_name as client_name,
        {{ blank_to_null('contact_email') }} as contact_email,
        country as country_code,
        {{ blank_to_null('industry') }} as industry_name,
        status as client_status,
        onboarded_on as onboarded_date,
        {{ utc_timestamp('modified_at') }} as last_modified_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone leaves here, so that a snapshot sees the client go.
    where coalesce(_is_deleted, false) = false

)

select * from final
