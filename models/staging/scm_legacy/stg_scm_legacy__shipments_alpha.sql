with source as (

    select * from {{ source('scm_legacy', 'shipments_alpha') }}

),

final as (

    select
        {{ shipment_number('shipment_ref') }} as shipment_id,
        {{ blank_to_null('po_number') }} as purchase_order_id,
        supplier_id,
        {{ blank_to_null('material_id') }} as material_id,
        plant as plant_id,
        shipment_ref as shipment_reference,
        {{ blank_to_null('carrier') }} as carrier_name,
        mode as transport_mode,
        status as shipment_status,
        unit as quantity_unit,
        case when freight_cost is not null then 'GBP' end as currency_code,
        quantity as shipped_quantity,
        weight_kg,
        freight_cost as freight_amount,
        ship_date as shipped_date,
        delivery_date as delivered_date,
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
