with source as (

    select * from {{ source('interactions', 'events') }}

),

final as (

    select
        event_id,
        {{ blank_to_null('client_id') }} as client_id,
        user_id,
        tenant as tenant_id,
        channel,
        event_type,
        {{ blank_to_null('page') }} as page_name,
        {{ blank_to_null('campaign') }} as campaign_name,
        {{ blank_to_null('properties') }} as event_properties,
        duration_ms,
        {{ utc_timestamp('event_at') }} as event_at,
        {{ utc_timestamp('received_at') }} as received_at,
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
