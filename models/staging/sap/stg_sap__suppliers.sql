with source as (

    select * from {{ source('sap', 'suppliers') }}

),

final as (

    select
        supplier as supplier_id,
        {{ blank_to_null('business_partner') }} as business_partner_id,
        business_partner_full_name as supplier_name,
        upper(country) as country_code,
        {{ blank_to_null('region') }} as region_name,
        {{ blank_to_null('city_name') }} as city_name,
        {{ blank_to_null('district') }} as district_name,
        {{ blank_to_null('postal_code') }} as postal_code,
        coalesce(business_partner_is_blocked, false) as is_blocked,
        coalesce(is_marked_for_archiving, false) as is_marked_for_archiving,
        creation_date as created_date,
        last_change_date as last_changed_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone leaves here, so that the snapshot sees the supplier go.
    where coalesce(_is_deleted, false) = false

)

select * from final
