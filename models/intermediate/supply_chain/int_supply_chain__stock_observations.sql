-- A table: the ranges look at each observation's neighbours.
{{ config(materialized='table') }}

{% set so_far = 'partition by material_id, plant_id order by observed_date rows unbounded preceding' %}
{#- SAP's stock types: what can be used, what waits for inspection, what is blocked. -#}
{% set stock_types = {'unrestricted': '01', 'quality_inspection': '02', 'blocked': '07'} %}

with history as (

    {{ scd2_history(ref('snap_sap__material_stock'), 'stock_key') }}

),

stock_changes as (

    select
        history.*,
        {% set level = 'case when is_deleted then 0 else stock_quantity end' %}
        {{ level }} - coalesce(
            lag({{ level }}) over (partition by history.stock_key order by history.version_number), 0
        ) as changed_quantity
    from history
    where history.special_stock_type is null

),

last_counts as (

    select * from {{ ref('int_supply_chain__stock_counts') }}
    where counted_quantity is not null
    qualify row_number() over (
            partition by material_id, plant_id, counted_date
            order by
                length(stock_count_id) desc, stock_count_id desc, landed_at desc, source_file desc, source_line desc
        ) = 1

),

events as (

    select
        material_id,
        plant_id,
        cast(dbt_valid_from as date) as observed_date,
        base_unit,
        {%- for stock_type, code in stock_types.items() %}
        case when stock_type = '{{ code }}' then changed_quantity else 0 end as changed_{{ stock_type }},
        {%- endfor %}
        1 as sap_event,
        cast(null as varchar) as stock_count_id,
        cast(null as decimal(18, 3)) as counted_quantity,
        stock_type || stock_key as event_order,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from stock_changes
    union all
    select
        material_id,
        plant_id,
        counted_date as observed_date,
        base_unit,
        {%- for stock_type in stock_types %}
        0 as changed_{{ stock_type }},
        {%- endfor %}
        0 as sap_event,
        stock_count_id,
        counted_quantity,
        -- After SAP's rows, which speak first on a day on which both do.
        'count' as event_order,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from last_counts

),

ranked as (

    select
        events.*,
        row_number() over (
            partition by events.material_id, events.plant_id, events.observed_date
            order by events.sap_event desc, events.event_order asc, events.landed_at desc
        ) as event_rank
    from events

),

by_day as (

    select
        material_id,
        plant_id,
        observed_date,
        {%- for stock_type in stock_types %}
        sum(changed_{{ stock_type }}) as changed_{{ stock_type }},
        {%- endfor %}
        max(sap_event) as sap_event,
        max(stock_count_id) as stock_count_id,
        max(counted_quantity) as counted_quantity,
        {%- for column in ['base_unit', 'row_hash', 'source_ref', 'load_id'] %}
        max(case when event_rank = 1 then {{ column }} end) as {{ column }},
        {%- endfor %}
        max(landed_at) as landed_at
    from ranked
    group by material_id, plant_id, observed_date

),

-- The level of a day is the sum of all changes up to it.
levels as (

    select
        by_day.*,
        {%- for stock_type in stock_types %}
        cast(sum(changed_{{ stock_type }}) over ({{ so_far }}) as decimal(18, 3)) as {{ stock_type }}_quantity,
        {%- endfor %}
        max(by_day.sap_event) over ({{ so_far }}) = 1 as is_known_to_sap
    from by_day

),

final as (

    select
        material_id,
        plant_id,
        stock_count_id,
        case when sap_event = 1 then 'sap' else 'count' end as observed_by,
        base_unit,
        -- SAP before a count of the same day: the count is booked into SAP, and what moved after it as well.
        case when sap_event = 1 then unrestricted_quantity else counted_quantity end as stock_quantity,
        case when is_known_to_sap then quality_inspection_quantity end as quality_inspection_quantity,
        case when is_known_to_sap then blocked_quantity end as blocked_quantity,
        counted_quantity,
        cast(case when is_known_to_sap then counted_quantity - unrestricted_quantity end as decimal(18, 3))
            as count_difference_quantity,
        observed_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from levels

)

select * from final
