-- A table: the daily fact and the hook that clears it read it.
{{ config(materialized='table') }}

with observations as (

    select * from {{ ref('int_supply_chain__stock_observations') }}

),

materials as (

    select
        material_key,
        material_id,
        -- A version holds on a day when it holds as the day begins: one that starts at noon holds from the next day on.
        cast({{ dbt.dateadd('second', 86399, 'valid_from') }} as date) as first_day,
        case
            when valid_to = {{ history_end() }} then cast({{ history_end() }} as date)
            else cast({{ dbt.dateadd('second', 86399, 'valid_to') }} as date)
        end as end_day
    from {{ ref('dim_material') }}

),

plants as (

    select * from {{ ref('dim_plant') }}

),

orders as (

    select * from {{ ref('int_supply_chain__order_plants') }}

),

-- An observation holds until the next one.
observed_ranges as (

    select
        observations.*,
        coalesce(
            lead(observations.observed_date) over (
                partition by observations.material_id, observations.plant_id order by observations.observed_date
            ),
            cast({{ history_end() }} as date)
        ) as next_observed_date
    from observations

),

-- Cut where the material gets a new version, so that each day points to the one that holds on it.
pieces as (

    select
        observed_ranges.*,
        coalesce(materials.material_key, {{ unknown_member_key() }}) as material_key,
        coalesce(plants.plant_key, {{ unknown_member_key() }}) as plant_key,
        orders.tenant_id,
        greatest(observed_ranges.observed_date, coalesce(materials.first_day, observed_ranges.observed_date))
            as valid_from_date,
        least(observed_ranges.next_observed_date, coalesce(materials.end_day, observed_ranges.next_observed_date))
            as valid_to_date
    from observed_ranges
    left join materials
        on observed_ranges.material_id = materials.material_id
        and observed_ranges.next_observed_date > materials.first_day
        and observed_ranges.observed_date < materials.end_day
    left join plants on observed_ranges.plant_id = plants.plant_id
    left join orders on observed_ranges.plant_id = orders.plant_id

),

final as (

    select
        -- Of all that a day's row shows: what changes, late or not, is another range, and its days are written anew.
        {{ dbt_utils.generate_surrogate_key([
            'material_id', 'plant_id', 'material_key', 'plant_key', 'tenant_id', 'stock_count_id', 'observed_by',
            'base_unit', 'stock_quantity', 'quality_inspection_quantity', 'blocked_quantity', 'counted_quantity',
            'count_difference_quantity', 'observed_date', 'valid_from_date', 'valid_to_date', 'row_hash', 'source_ref',
            'load_id', 'landed_at',
        ]) }} as stock_range_key,
        pieces.*
    from pieces

)

select * from final
