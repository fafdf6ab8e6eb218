with source as (

    select * from {{ source('crm', 'sign_ups') }}

),

final as (

    select
        sign_up_id,
        {{ blank_to_null('client_id') }} as client_id,
        tenant as tenant_id,
        company_name,
        {{ blank_to_null('contact_email') }} as contact_email,
        country as country_code,
        source_channel as acquisition_channel,
        {{ blank_to_null('campaign') }} as campaign_name,
        status as sign_up_status,
        {{ blank_to_null('comment') }} as sales_comment,
        {{ blank_to_null('currency') }} as currency_code,
        acquisition_cost_amount,
        {{ utc_timestamp('signed_up_at') }} as signed_up_at,
        {{ utc_timestamp('activated_at') }} as activated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _source_file as source_file,
        _source_line as source_line,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
