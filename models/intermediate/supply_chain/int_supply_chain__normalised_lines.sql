with lines as (

    select * from {{ ref('int_supply_chain__legacy_lines') }}

),

materials as (

    select * from {{ ref('dim_material') }}
    where is_current

),

units as (

    select * from {{ ref('quantity_units') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

measured as (

    select
        lines.*,
        materials.base_unit as material_unit,
        written.dimension as written_dimension,
        written.factor_to_base as written_factor,
        written.base_of_dimension,
        base.dimension as base_dimension,
        base.factor_to_base as base_factor,
        -- Kilograms of one piece.
        nullif(materials.net_weight * weighed.factor_to_base, 0) as piece_weight_kg,
        {{ in_gbp('lines.freight_amount') }} as freight_amount_gbp
    from lines
    left join materials on lines.material_id = materials.material_id
    left join units as written on lines.written_unit = written.unit_code
    left join units as base on upper(materials.base_unit) = base.unit_code
    left join units as weighed on upper(materials.weight_unit) = weighed.unit_code and weighed.dimension = 'mass'
    left join rates on {{ rate_at('lines.currency_code', 'lines.shipped_date') }}

),

converted as (

    select
        measured.*,
        cast(
            case
                -- Beta counts in the material's base unit and does not write which that is.
                when measured.legacy_system = 'beta' or measured.written_unit = upper(measured.material_unit)
                    then measured.written_quantity
                when measured.written_dimension = measured.base_dimension
                    then measured.written_quantity * measured.written_factor / measured.base_factor
                when measured.written_dimension = 'mass' and measured.base_dimension = 'count'
                    then measured.written_quantity * measured.written_factor / measured.piece_weight_kg
                when measured.written_dimension = 'count' and measured.base_dimension = 'mass'
                    then measured.written_quantity * measured.piece_weight_kg / measured.base_factor
                -- The material has not landed: kilograms or pieces, whichever was written.
                when measured.material_unit is null then measured.written_quantity * measured.written_factor
            end as decimal(18, 3)
        ) as base_quantity
    from measured

),

final as (

    select
        legacy_line_key,
        legacy_system,
        shipment_id,
        shipment_reference,
        purchase_order_id,
        supplier_id,
        material_id,
        plant_id,
        carrier_name,
        transport_mode,
        shipment_status,
        written_unit,
        case when legacy_system = 'beta' then material_unit else coalesce(material_unit, base_of_dimension) end
            as base_unit,
        currency_code,
        written_quantity,
        written_weight,
        base_quantity,
        weight_kg,
        -- What the quantity should weigh by the material master.
        cast(
            case
                when base_dimension = 'mass' then base_quantity * base_factor
                when base_dimension = 'count' then base_quantity * piece_weight_kg
            end as decimal(18, 3)
        ) as expected_weight_kg,
        freight_amount,
        freight_amount_gbp,
        shipped_date,
        delivered_date,
        row_hash,
        source_ref,
        source_file,
        source_line,
        load_id,
        landed_at
    from converted

)

select * from final
