{#- Every step that leads from a line as the legacy pipeline added it up to the shipment as it counts now. The values of
    a step are what it adds to shipments, quantity, weight and freight of a month and plant. -#}

with lines as (

    select * from {{ ref('int_supply_chain__shipments_validated') }}

),

repeats as (

    select * from {{ ref('int_supply_chain__shipment_repeats') }}

),

shipments as (

    select
        shipments.*,
        cast({{ dbt.date_trunc('month', 'shipped_date') }} as date) as shipped_month,
        coalesce(plant_id, 'unknown') as cell_plant_id,
        coalesce(weight_kg, 0) as counted_weight,
        coalesce(freight_amount_gbp, 0) as counted_freight
    from {{ ref('int_supply_chain__shipments') }} as shipments

),

shipments_by_line as (

    select alpha_line_key as legacy_line_key, shipments.* from shipments
    where alpha_line_key is not null
    union all
    select beta_line_key as legacy_line_key, shipments.* from shipments
    where beta_line_key is not null

),

traced as (

    select
        lines.legacy_system,
        case
            when lines.reason_codes is not null then 'quarantined'
            when repeats.repeat_kind is not null then 'repeated'
            else 'kept'
        end as outcome,
        cast({{ dbt.date_trunc('month', 'lines.shipped_date') }} as date) as shipped_month,
        coalesce(lines.plant_id, 'unknown') as plant_id,
        lines.written_quantity,
        coalesce(lines.written_weight, 0) as written_weight,
        coalesce(lines.freight_amount, 0) as written_freight,
        lines.base_quantity,
        coalesce(lines.weight_kg, 0) as weight_kg,
        coalesce(lines.freight_amount_gbp, 0) as freight_amount_gbp,
        lines.weight_kg is null as is_weight_filled,
        lines.freight_amount_gbp is null as is_freight_filled,
        shipments_by_line.shipped_month as new_month,
        shipments_by_line.cell_plant_id as new_plant_id,
        shipments_by_line.base_quantity as new_quantity,
        shipments_by_line.counted_weight as new_weight,
        shipments_by_line.counted_freight as new_freight
    from lines
    left join repeats on lines.legacy_line_key = repeats.legacy_line_key
    left join shipments_by_line on lines.legacy_line_key = shipments_by_line.legacy_line_key

),

kept as (

    select * from traced
    where outcome = 'kept'

),

moved as (

    select * from kept
    where shipped_month <> new_month or plant_id <> new_plant_id

),

steps as (

    select legacy_system, outcome as cause, shipped_month, plant_id,
        -1 as shipment_count, -written_quantity as quantity, -written_weight as weight, -written_freight as freight
    from traced
    where outcome <> 'kept'
    union all
    select legacy_system, 'unit_conversion', shipped_month, plant_id,
        0, base_quantity - written_quantity, weight_kg - written_weight, 0
    from kept
    union all
    select legacy_system, 'currency_conversion', shipped_month, plant_id,
        0, 0, 0, freight_amount_gbp - written_freight
    from kept
    union all
    select legacy_system, 'conflict_resolved', shipped_month, plant_id,
        0, new_quantity - base_quantity,
        case when is_weight_filled then 0 else new_weight - weight_kg end,
        case when is_freight_filled then 0 else new_freight - freight_amount_gbp end
    from kept
    union all
    select legacy_system, 'known_to_other_system', shipped_month, plant_id,
        0, 0,
        case when is_weight_filled then new_weight else 0 end,
        case when is_freight_filled then new_freight else 0 end
    from kept
    union all
    -- The other system's date or plant counts: the shipment leaves one cell and enters another.
    select legacy_system, 'moved', shipped_month, plant_id, -1, -new_quantity, -new_weight, -new_freight
    from moved
    union all
    select legacy_system, 'moved', new_month, new_plant_id, 1, new_quantity, new_weight, new_freight
    from moved

),

final as (

    select * from steps
    union all
    select 'both' as legacy_system, cause, shipped_month, plant_id, shipment_count, quantity, weight, freight
    from steps
    union all
    select 'both', 'duplicate', shipped_month, cell_plant_id, -1, -base_quantity, -counted_weight, -counted_freight
    from shipments
    where alpha_line_key is not null and beta_line_key is not null
    union all
    select
        case when alpha_line_key is null then 'alpha' else 'beta' end, 'shipment_of_other_system',
        shipped_month, cell_plant_id, 1, base_quantity, counted_weight, counted_freight
    from shipments
    where alpha_line_key is null or beta_line_key is null

)

select * from final
