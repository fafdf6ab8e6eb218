with counts as (

    select * from {{ ref('stg_scm_legacy__stock_counts') }}

),

materials as (

    select * from {{ ref('dim_material') }}
    where is_current

),

units as (

    select * from {{ ref('quantity_units') }}

),

measured as (

    select
        counts.*,
        upper(trim(counts.quantity_unit)) as written_unit,
        upper(materials.base_unit) as base_unit,
        written.dimension as written_dimension,
        written.factor_to_base as written_factor,
        base.dimension as base_dimension,
        base.factor_to_base as base_factor,
        -- Kilograms of one piece.
        nullif(materials.net_weight * weighed.factor_to_base, 0) as piece_weight_kg
    from counts
    left join materials on counts.material_id = materials.material_id
    left join units as written on upper(trim(counts.quantity_unit)) = written.unit_code
    left join units as base on upper(materials.base_unit) = base.unit_code
    left join units as weighed on upper(materials.weight_unit) = weighed.unit_code and weighed.dimension = 'mass'

),

-- As int_supply_chain__normalised_lines converts shipments.
final as (

    select
        stock_count_id,
        material_id,
        plant_id,
        coalesce(base_unit, written_unit) as base_unit,
        cast(
            case
                when written_unit = base_unit or base_unit is null then counted_quantity
                when written_dimension = base_dimension then counted_quantity * written_factor / base_factor
                when written_dimension = 'mass' and base_dimension = 'count'
                    then counted_quantity * written_factor / piece_weight_kg
                when written_dimension = 'count' and base_dimension = 'mass'
                    then counted_quantity * piece_weight_kg / base_factor
            end as decimal(18, 3)
        ) as counted_quantity,
        counted_date,
        row_hash,
        source_ref,
        source_file,
        source_line,
        load_id,
        landed_at
    from measured

)

select * from final
