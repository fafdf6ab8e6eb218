with shipments as (

    select * from {{ ref('int_supply_chain__shipments') }}

),

schedules as (

    select * from {{ ref('int_supply_chain__order_schedules') }}

),

suppliers as (

    select * from {{ ref('dim_supplier') }}

),

materials as (

    select * from {{ ref('dim_material') }}

),

plants as (

    select * from {{ ref('dim_plant') }}

),

timed as (

    select
        shipments.*,
        schedules.tenant_id,
        schedules.scheduled_delivery_date,
        {{ dbt.datediff('shipments.shipped_date', 'shipments.delivered_date', 'day') }} as days_in_transit,
        {{ dbt.datediff('schedules.scheduled_delivery_date', 'shipments.delivered_date', 'day') }} as days_late,
        case
            when shipments.shipment_status = 'cancelled' then null
            when shipments.delivered_date is not null
                then shipments.delivered_date <= schedules.scheduled_delivery_date
            -- Still not there although the day has passed.
            when schedules.scheduled_delivery_date < {{ as_of_date() }} then false
        end as is_on_time
    from shipments
    left join schedules
        on shipments.purchase_order_id = schedules.purchase_order_id
        and shipments.material_id = schedules.material_id

),

final as (

    select
        timed.shipment_key,
        coalesce(suppliers.supplier_key, {{ unknown_member_key() }}) as supplier_key,
        coalesce(materials.material_key, {{ unknown_member_key() }}) as material_key,
        coalesce(plants.plant_key, {{ unknown_member_key() }}) as plant_key,
        timed.tenant_id,
        timed.purchase_order_id,
        timed.supplier_id,
        timed.material_id,
        timed.plant_id,
        timed.alpha_shipment_reference,
        timed.beta_shipment_reference,
        timed.carrier_name,
        timed.transport_mode,
        timed.shipment_status,
        timed.source_systems,
        timed.match_method,
        timed.fields_won_by_alpha,
        timed.fields_won_by_beta,
        timed.warning_codes,
        timed.base_unit as quantity_unit,
        timed.currency_code,
        timed.base_quantity as shipped_quantity,
        timed.weight_kg,
        cast(timed.freight_amount as decimal(18, 4)) as freight_amount,
        timed.freight_amount_gbp,
        cast(timed.days_in_transit as integer) as days_in_transit,
        cast(timed.days_late as integer) as days_late,
        cast(timed.match_score as integer) as match_score,
        timed.is_on_time,
        coalesce(timed.fields_won_by_alpha, timed.fields_won_by_beta) is not null as has_conflict,
        timed.shipped_date,
        timed.scheduled_delivery_date,
        timed.delivered_date,
        timed.row_hash,
        timed.source_ref,
        timed.alpha_source_ref,
        timed.beta_source_ref,
        timed.load_id,
        timed.landed_at
    from timed
    {{ point_in_time_join('suppliers', 'supplier_id', 'timed', 'shipped_date') }}
    {{ point_in_time_join('materials', 'material_id', 'timed', 'shipped_date') }}
    left join plants on timed.plant_id = plants.plant_id

)

select * from final
