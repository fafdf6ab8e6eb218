with source as (

    select * from {{ source('customs', 'cbam_imports') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['declaration_id', 'item_number']) }} as import_line_key,
        declaration_id,
        item_number,
        {{ blank_to_null('supplier_id') }} as supplier_id,
        -- Spreadsheets take the code for a number and drop its leading zeros: 07129090 comes as 7129090.
        lpad(cn_code, 8, '0') as cn_code,
        {{ blank_to_null('goods_description') }} as goods_description,
        origin_country as origin_country_code,
        {{ blank_to_null('installation') }} as installation_name,
        net_mass_kg,
        customs_value_eur as customs_value_amount_eur,
        carbon_price_paid_eur as carbon_price_paid_amount_eur,
        direct_emissions_tco2e,
        indirect_emissions_tco2e,
        import_date,
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
