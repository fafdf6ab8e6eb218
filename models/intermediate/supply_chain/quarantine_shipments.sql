with validated as (

    select * from {{ ref('int_supply_chain__shipments_validated') }}

),

final as (

    select
        legacy_line_key as quarantine_key,
        'shipments' as entity_name,
        legacy_system || ' ' || shipment_reference as record_key,
        reason_codes,
        severity,
        legacy_system,
        shipment_id,
        purchase_order_id,
        supplier_id,
        order_supplier_id,
        material_id,
        plant_id,
        transport_mode,
        shipment_status,
        written_unit,
        base_unit,
        currency_code,
        written_quantity,
        base_quantity,
        weight_kg,
        expected_weight_kg,
        freight_amount,
        shipped_date,
        delivered_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from validated
    where reason_codes is not null

)

select * from final
