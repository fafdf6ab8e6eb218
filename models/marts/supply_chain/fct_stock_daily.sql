{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='stock_day_key',
    on_schema_change='fail',
    post_hook=[
        "{{ delete_vanished_rows(this, ref('int_supply_chain__stock_ranges'), 'stock_range_key') }}",
        "{{ delete_days_outside(this, 'date_day', stock_window_start(), as_of_date()) }}",
    ]
) }}

with ranges as (

    select * from {{ ref('int_supply_chain__stock_ranges') }}

),

days as (

    select date_day from {{ ref('dim_date') }}
    where date_day between {{ stock_window_start() }} and {{ as_of_date() }}

),

{% if is_incremental_run() %}
-- Days of a range are stored without a gap: each run adds at either end, and the window is cut at its ends.
stored as (

    select
        stock_range_key,
        min(date_day) as first_stored_day,
        max(date_day) as last_stored_day
    from {{ this }}
    group by stock_range_key

),

{% endif %}
final as (

    select
        {{ dbt_utils.generate_surrogate_key(['ranges.material_id', 'ranges.plant_id', 'days.date_day']) }}
            as stock_day_key,
        ranges.stock_range_key,
        ranges.material_key,
        ranges.plant_key,
        ranges.tenant_id,
        ranges.material_id,
        ranges.plant_id,
        case when days.date_day = ranges.observed_date then ranges.stock_count_id end as stock_count_id,
        ranges.observed_by,
        ranges.base_unit as quantity_unit,
        ranges.stock_quantity,
        ranges.quality_inspection_quantity,
        ranges.blocked_quantity,
        case when days.date_day = ranges.observed_date then ranges.counted_quantity end as counted_quantity,
        case when days.date_day = ranges.observed_date then ranges.count_difference_quantity end
            as count_difference_quantity,
        cast({{ dbt.datediff('ranges.observed_date', 'days.date_day', 'day') }} as integer) as days_since_observation,
        days.date_day > ranges.observed_date as is_carried_forward,
        days.date_day,
        ranges.observed_date,
        ranges.row_hash,
        ranges.source_ref,
        ranges.load_id,
        ranges.landed_at
    from ranges
    inner join days on ranges.valid_from_date <= days.date_day and ranges.valid_to_date > days.date_day
    {% if is_incremental_run() %}
    -- Only days that are not there yet. Ranges are known by content, so no look-back is needed: a count that comes
    -- months late, is corrected or deleted makes other ranges, whose days are written; the old ranges' days go in the
    -- hook.
    left join stored on ranges.stock_range_key = stored.stock_range_key
    where stored.stock_range_key is null
        or days.date_day < stored.first_stored_day
        or days.date_day > stored.last_stored_day
    {% endif %}

)

select * from final
