with alpha as (

    select * from {{ ref('stg_scm_legacy__shipments_alpha') }}

),

beta as (

    select * from {{ ref('stg_scm_legacy__shipments_beta') }}

),

carriers as (

    select * from {{ ref('carriers') }}

),

-- Beta writes names instead of codes. A name that two plants share says nothing.
plants as (

    select
        lower(trim(plant_name)) as plant_spelling,
        min(plant_id) as plant_id
    from {{ ref('stg_sap__plants') }}
    group by lower(trim(plant_name))
    having count(*) = 1

),

united as (

    select
        'alpha' as legacy_system,
        shipment_id,
        shipment_reference,
        purchase_order_id,
        supplier_id,
        material_id,
        {{ blank_to_null('plant_id') }} as plant_id,
        carrier_name as written_carrier,
        transport_mode,
        shipment_status,
        upper(trim(quantity_unit)) as written_unit,
        currency_code,
        shipped_quantity as written_quantity,
        weight_kg as written_weight,
        weight_kg,
        freight_amount,
        shipped_date,
        delivered_date,
        row_hash,
        source_ref,
        source_file,
        source_line,
        load_id,
        landed_at
    from alpha
    union all
    select
        'beta' as legacy_system,
        beta.shipment_id,
        beta.shipment_reference,
        beta.purchase_order_id,
        beta.supplier_id,
        beta.material_id,
        plants.plant_id,
        beta.carrier_name as written_carrier,
        beta.transport_mode,
        beta.shipment_status,
        cast(null as varchar) as written_unit,
        beta.currency_code,
        beta.shipped_quantity as written_quantity,
        beta.weight_lb as written_weight,
        beta.weight_kg,
        beta.freight_amount,
        beta.shipped_date,
        beta.delivered_date,
        beta.row_hash,
        beta.source_ref,
        beta.source_file,
        beta.source_line,
        beta.load_id,
        beta.landed_at
    from beta
    left join plants on lower(trim(beta.plant_name)) = plants.plant_spelling

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['united.legacy_system', 'united.source_ref']) }} as legacy_line_key,
        united.legacy_system,
        united.shipment_id,
        united.shipment_reference,
        united.purchase_order_id,
        united.supplier_id,
        united.material_id,
        united.plant_id,
        coalesce(carriers.carrier_name, united.written_carrier) as carrier_name,
        united.transport_mode,
        united.shipment_status,
        united.written_unit,
        united.currency_code,
        united.written_quantity,
        united.written_weight,
        united.weight_kg,
        united.freight_amount,
        united.shipped_date,
        united.delivered_date,
        united.row_hash,
        united.source_ref,
        united.source_file,
        united.source_line,
        united.load_id,
        united.landed_at
    from united
    -- Spelling is compared without case, and with one blank where several stand.
    left join carriers
        on upper({{ single_spaced('trim(united.written_carrier)') }}) = carriers.carrier_spelling

)

select * from final
